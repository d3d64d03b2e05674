"""Reads the mappings of survey sources: those that ship, and over them those of the user's directory."""

from collections.abc import Mapping
from pathlib import Path

from schemas.source import Source
from schemas.yaml_file import BadFile, Document, read

SHIPPED = Path(__file__).parent / "sources"

_TAGS = frozenset({"standard_webhooks", "hmac", "shared_secret"})


def load_sources(directory: Path | None) -> Mapping[str, Source]:
    """Each source by its name. Raises `schemas.yaml_file.BadFile`: a line a mistake, with place, value and fix."""
    return {name: document.value for name, document in read_sources(directory).items()}


def read_sources(directory: Path | None) -> Mapping[str, Document[Source]]:
    """The same, with their places in the files. One of the user's takes the place of a shipped one of its name."""
    return {**_directory(SHIPPED), **({} if directory is None else _directory(directory))}


def _directory(place: Path) -> Mapping[str, Document[Source]]:
    if not place.is_dir():
        raise BadFile(f"{place}: is not a directory: name one that holds the mappings of sources")
    files = sorted(file for file in place.iterdir() if file.suffix in {".yaml", ".yml"})
    if not files:
        raise BadFile(f"{place}: holds no mapping: put a file there that ends in .yaml")
    found: dict[str, Document[Source]] = {}
    wrong: list[str] = []
    for file in files:
        try:
            document = read(Source, file, tags=_TAGS)
        except BadFile as bad:
            wrong.append(str(bad))
            continue
        name = document.value.source
        if name in found:
            other = Path(found[name].name).name
            wrong.append(document.mistake(("source",), f"{name!r} is the name of {other} too: give each its own"))
        else:
            found[name] = document
    if wrong:
        raise BadFile("\n".join(wrong))
    return found
