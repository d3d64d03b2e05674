"""Every block on every page is run by a test, which says so with `@pytest.mark.runs(page, *names)`."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from docs.generator.pages import pages
from tests.integration.docs.blocks import PAGES, ROOT, blocks

# What is made from the code is held against it as a whole.
_MADE = {ROOT / "docs" / "reference" / name for name in pages()}
_WRITTEN = [page for page in PAGES if page not in _MADE]


def _runs(module: ModuleType) -> Iterator[tuple[str, str]]:
    """The pages and the names of their blocks that tests in a module run."""
    for each in vars(module).values():
        for mark in getattr(each, "pytestmark", ()) if callable(each) else ():
            if mark.name == "runs":
                page, *names = mark.args
                yield from ((page, name) for name in names)


def _all_runs() -> set[tuple[str, str]]:
    modules = (import_module(f"{__package__}.{path.stem}") for path in Path(__file__).parent.glob("test_*.py"))
    return {run for module in modules for run in _runs(module)}


def _all_blocks() -> set[tuple[str, str]]:
    return {(str(page.relative_to(ROOT)), block.run) for page in _WRITTEN for block in blocks(page)}


def test_every_block_is_run_and_every_run_has_its_block() -> None:
    assert _all_blocks() - _all_runs() == set(), "blocks that no test runs; one without a name is ''"
    assert _all_runs() - _all_blocks() == set(), "tests that run what is on no page"


@pytest.mark.parametrize("page", _WRITTEN, ids=lambda page: page.name)
def test_no_block_is_overlooked(page: Path) -> None:
    """One that is indented, or opened in another way, would not be found."""
    fences = [
        line for line in page.read_text(encoding="utf-8").splitlines() if line.lstrip().startswith(("```", "~~~"))
    ]
    assert len(fences) == 2 * len(blocks(page))


def test_what_is_made_from_the_code_is_what_the_code_makes() -> None:
    made = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").iterdir()}
    assert made == pages()
