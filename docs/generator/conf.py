"""How sphinx makes the site: from the pages as they are in the repository, where they are readable on their own."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[2]))

from docs.generator.nav import toctrees

project = "csatwatch"
project_copyright = "the csatwatch authors"
extensions = ["myst_parser"]
root_doc = "docs/index"
_LISTS = {root_doc, "docs/decisions/README"}
include_patterns = ["README.md", "CHANGELOG.md", "SECURITY.md", "docs/**.md"]
# Not looked into for pages: the search for them would take longer than the site.
exclude_patterns = [
    *(".*", "agents", "bench", "build", "deploy"),
    *("schemas", "sinks", "streams", "tests", "web", "workflows"),
]

# Links to headings as repository browsers make them.
myst_heading_anchors = 4
# Pictures whose size is given as HTML.
myst_enable_extensions = ["html_image"]
nitpicky = True
# Statements with parameters are no SQL to the highlighter.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = "csatwatch"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["extra"]
html_copy_source = False
html_show_search_summary = False  # it would fetch pages, which a browser refuses where the site is opened from files
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}


def setup(app: Sphinx) -> None:
    """Lists of links are the navigation."""

    def add_navigation(_app: Sphinx, page: str, source: list[str]) -> None:
        if page in _LISTS:
            source[0] += toctrees(source[0])

    app.connect("source-read", add_navigation)
