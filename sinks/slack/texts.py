"""The texts of messages: those that ship, and over them those of the user's own directory."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

import yaml

from schemas import template
from schemas.yaml_file import BadFile
from sinks.slack.values import NAMES

_SHIPPED = files("sinks") / "templates" / "slack"


class Texts:
    """Templates by name, and shorter texts by key.

    Args:
        directory: the user's own, with NAME.txt and words.yaml in its folder `slack`; None: those that ship alone.

    Raises:
        BadFile: one of the user's cannot be used; the message names file, place and fix.
    """

    def __init__(self, directory: Path | None = None) -> None:
        if directory and not directory.is_dir():
            raise BadFile(f"{directory}: is no directory: name one with the texts that you want in place of ours")
        own = directory / "slack" if directory else None
        self._templates = _templates(_SHIPPED) | (_templates(own) if own and own.is_dir() else {})
        self._words = _words(_SHIPPED / "words.yaml", None)
        if own and (file := own / "words.yaml").is_file():
            self._words = self._words | _words(file, self._words)

    @property
    def names(self) -> frozenset[str]:
        """Of the templates."""
        return frozenset(self._templates)

    def template(self, name: str) -> str:
        """The template's text. Raises `KeyError`."""
        return self._templates[name]

    def words(self, key: str, **values: str) -> str:
        """A shorter text with its values in it: escaped already, or to be escaped with it. Raises `KeyError`."""
        return self._words[key].substitute(values)


_in_use: list[Texts] = []


def texts() -> Texts:
    """Those in use by this process: the ones that ship, until `use` says otherwise."""
    if not _in_use:
        _in_use.append(Texts())
    return _in_use[0]


def use(directory: Path | None) -> None:
    """From now on take this process's texts from `directory` where it has them. Raises `BadFile`."""
    _in_use[:] = [Texts(directory)]


def _templates(directory: Traversable) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in directory.iterdir():
        if file.name.endswith(".txt"):
            text = _read(file)
            try:
                template.check(text, NAMES)
            except template.BadTemplate as bad:
                raise BadFile(f"{file}: {bad}") from None
            found[file.name.removesuffix(".txt")] = text
    return found


def _words(file: Traversable, known: Mapping[str, Template] | None) -> dict[str, Template]:
    text = _read(file)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        raise BadFile(f"{file}: not valid YAML: write lines like `acknowledge: Got it`") from None
    if not isinstance(data, dict):
        raise BadFile(f"{file}: is no mapping: write lines like `acknowledge: Got it`")
    found = {str(key): Template(str(words)) for key, words in data.items()}
    if known is not None and (wrong := next(_mistakes(found, known), None)):
        raise BadFile(f"{file}: {wrong}")
    return found


def _mistakes(found: Mapping[str, Template], known: Mapping[str, Template]) -> Iterator[str]:
    for key, words in found.items():
        if key not in known:
            yield f"{key} is no text of a message: write one of {', '.join(sorted(known))}"
            continue
        if not words.is_valid():
            yield f"{key}: a $ that begins no name: write $$ for the sign itself"
            continue
        allowed = known[key].get_identifiers()
        if strange := [name for name in words.get_identifiers() if name not in allowed]:
            shown = ", ".join(f"${name}" for name in allowed) or "none"
            yield f"{key}: ${strange[0]} is not known here: there is {shown}"
        if not words.template.strip():
            yield f"{key}: is empty: write something, or leave the line out"


def _read(file: Traversable) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadFile(f"{file}: cannot be read: it must be UTF-8 text") from None
