"""`python -m docs.generator [DIRECTORY]` writes docs/reference, or the same pages into another directory."""

import sys
from pathlib import Path

from docs.generator.pages import pages

_REFERENCE = Path(__file__).parents[1] / "reference"


def main(directory: Path) -> None:
    """Write every page."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else _REFERENCE)
