"""The pages of docs/reference, each made from what the program itself says."""

from collections.abc import Callable, Iterable, Mapping

from docs.generator.commands_page import commands
from docs.generator.files_page import policy, source, workflow
from docs.generator.metrics_page import metrics
from docs.generator.settings_page import settings
from docs.generator.topics_page import topics

_PAGES: Mapping[str, Callable[[], Iterable[str]]] = {
    "commands.md": commands,
    "metrics.md": metrics,
    "policy.md": policy,
    "settings.md": settings,
    "source.md": source,
    "topics.md": topics,
    "workflow.md": workflow,
}
_COMMENT = "<!-- Made by `python -m docs.generator`: change the code that it describes. -->"


def pages() -> Mapping[str, str]:
    """The text of each page by its file name."""
    return {name: f"{_COMMENT}\n\n" + "\n".join(make()).strip() + "\n" for name, make in _PAGES.items()}
