"""Texts for customers, by name and by language, out of a directory of files."""

from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path

from schemas import template
from schemas.yaml_file import BadFile

ByLanguage = Mapping[str, Mapping[str, str]]
"""Texts by name and by language, the language as in `de` or `pt-br`; "" is the one for all others."""


def read(directory: Traversable, extra: frozenset[str]) -> ByLanguage:
    """The templates in NAME.txt and NAME.LANGUAGE.txt, each checked; `extra` as in `schemas.template.check`.

    Raises `BadFile`.
    """
    found: dict[str, dict[str, str]] = {}
    try:
        for file in directory.iterdir():
            if file.name.endswith(".txt"):
                text = file.read_text(encoding="utf-8")
                template.check(text, extra)
                name, _, language = file.name.removesuffix(".txt").partition(".")
                found.setdefault(name, {})[language.lower()] = text
    except (OSError, UnicodeDecodeError):
        raise BadFile(f"{directory}: cannot be read: it must be a directory of UTF-8 text files") from None
    except template.BadTemplate as bad:
        raise BadFile(f"{file}: {bad}") from None
    return found


def over(shipped: ByLanguage, directory: Path | None, extra: frozenset[str]) -> ByLanguage:
    """Those that ship, and in their place or beside them those of `directory`. Raises `BadFile`."""
    own = read(directory, extra) if directory else {}
    found = {name: {**shipped.get(name, {}), **own.get(name, {})} for name in (*shipped, *own)}
    if lacking := [name for name, texts in found.items() if "" not in texts]:
        raise BadFile(f"{directory}: {lacking[0]}.txt is missing: it is for customers whose language has no file")
    return found


def in_language(texts: Mapping[str, str], locale: str | None) -> str:
    """The text for a locale such as `de-AT` or `de_AT.UTF-8`: its own, else its language's, else the one for all."""
    wanted = (locale or "").partition(".")[0].replace("_", "-").lower()
    while wanted:
        if wanted in texts:
            return texts[wanted]
        wanted = wanted.rpartition("-")[0]
    return texts[""]
