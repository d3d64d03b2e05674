"""The site of the documentation, as a reader has it: from files, without a server or a network."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docs.generator.nav import entries
from tests.integration.docs.blocks import PAGES, ROOT

if TYPE_CHECKING:
    from playwright.async_api import Page

INDEX = ROOT / "docs" / "index.md"


def _make(source: Path, to: Path) -> subprocess.CompletedProcess[str]:
    """As `make docs` does it."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", "docs/generator"]
    places = ["-d", f"{to}/doctrees", ".", f"{to}/site"]
    return subprocess.run([*command, *places], cwd=source, capture_output=True, text=True, check=False)


def test_every_page_is_in_the_navigation_once() -> None:
    lists = [INDEX, ROOT / "docs" / "decisions" / "README.md"]
    listed = [
        (page.parent / f"{entry.rpartition('<')[2].removesuffix('>')}.md").resolve()
        for page in lists
        for group in entries(page.read_text(encoding="utf-8")).values()
        for entry in group
    ]
    assert sorted(listed) == sorted(set(PAGES) - {INDEX})


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_it_is_whole_on_a_phone(page: "Page", tmp_path: Path) -> None:
    made = _make(ROOT, tmp_path)
    assert made.returncode == 0, made.stderr
    await page.set_viewport_size({"width": 390, "height": 844})
    for each in PAGES:
        place = tmp_path / "site" / each.relative_to(ROOT).with_suffix(".html")
        await page.goto(place.as_uri())
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), place
        broken = await page.evaluate(
            "[...document.images].filter((each) => each.complete && !each.naturalWidth).map((each) => each.src)"
        )
        assert broken == []
    await page.goto(f"{(tmp_path / 'site' / 'search.html').as_uri()}?q=murmur2")
    await page.wait_for_selector("#search-results li a")
    await page.goto((tmp_path / "site" / "index.html").as_uri())
    await page.wait_for_url("**/docs/index.html")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    for name in ("docs", "schemas", "workflows"):
        shutil.copytree(ROOT / name, checkout / name)
    page = checkout / "docs" / "glossary.md"
    page.write_text(f"{page.read_text()}\n[a](policy.md#nothing-here) [b](nowhere.md)\n")
    made = _make(checkout, tmp_path)
    assert made.returncode != 0
    assert "nothing-here" in made.stderr
    assert "nowhere.md" in made.stderr
