"""Actions of the user's own: a Python file each, or an entry point, with what a step configures and what it does."""

import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from agents.settings import PREFIX
from schemas.delivery import Sink
from schemas.workflow import StepAction
from schemas.yaml_file import BadFile
from sinks.base import Delivery, Receipt

GROUP = "csatwatch.actions"
"""The entry points that installed packages bring actions by: the action's name = the module."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TAKEN = frozenset({*StepAction, *Sink})


@dataclass(frozen=True, slots=True)
class OwnAction:
    """An action by its module; a destination like any other, see `sinks.base.Sink`.

    Attributes:
        name: as workflows name it, and the ledger its sink.
        config: the model of a step's configuration.
    """

    name: str
    config: type[BaseModel]
    _module: ModuleType

    async def send(self, delivery: Delivery) -> Receipt | None:
        """What the module's `send` does."""
        receipt: Receipt | None = await self._module.send(delivery)
        return receipt


def own_actions(directory: Path | None) -> Mapping[str, OwnAction]:
    """Those of the `.py` files of `directory`, whose names are the actions' names, and of installed packages.

    Raises `schemas.yaml_file.BadFile`.
    """
    found: dict[str, OwnAction] = {}
    wrong: list[str] = []
    for name, place, module in (*_installed(), *_files(directory)):
        text = module if isinstance(module, str) else _mistake(name, module)
        if text is None and name in found:
            text = f"there are two actions {name}: give each its own name"
        if text is not None:
            wrong.append(f"{place}: {text}")
        elif isinstance(module, ModuleType):
            found[name] = OwnAction(name, module.Config, module)
    if wrong:
        raise BadFile("\n".join(wrong))
    return found


def _installed() -> Iterator[tuple[str, str, ModuleType | str]]:
    for each in entry_points(group=GROUP):
        try:
            module: Any = each.load()
        except Exception as error:  # noqa: BLE001 (whatever the package raises, it must be named)
            module = f"cannot be imported: {type(error).__name__}: {error}"
        yield each.name, f"the entry point {each.value}", module


def _files(directory: Path | None) -> Iterator[tuple[str, str, ModuleType | str]]:
    if directory is None:
        return
    if not directory.is_dir():
        raise BadFile(f"{PREFIX}PLUGINS: {directory} is not a directory: name one that holds the files of your actions")
    for file in sorted(directory.glob("*.py")):
        if not file.name.startswith("_"):
            yield file.stem, str(file), _imported(file)


def _imported(file: Path) -> ModuleType | str:
    name = f"csatwatch_action_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        return "cannot be imported: it is no Python file"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # as an import does: a model looks its own module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 (whatever the user's file raises, it must be named)
        del sys.modules[name]
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        return f"cannot be imported: {line}{type(error).__name__}: {error}"
    return module


def _mistake(name: str, module: object) -> str | None:
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name for an action: use small letters, digits and _, like page_manager"
    if name in _TAKEN:
        return f"{name} is csatwatch's own: give the action another name"
    config = getattr(module, "Config", None)
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        return "has no Config: add a class Config(Part) with what a step configures"
    send = getattr(module, "send", None)
    if not inspect.iscoroutinefunction(send):
        return "has no send: add async def send(delivery)"
    return None
