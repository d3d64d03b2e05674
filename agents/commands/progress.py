"""A progress bar on standard error, where that is a terminal."""

from collections.abc import Callable, Iterable, Iterator
from os import SEEK_END
from typing import IO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")


def tracked(items: Iterable[Item], *, total: int, what: str) -> Iterator[Item]:
    """The same items, counted as they are taken."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.advance(task)


def measured(
    items: Iterable[Item], *, total: int, done: Callable[[], int], what: str, shown: bool = True
) -> Iterator[Item]:
    """The same items, with the bar by what `done` says after each; only where it is `shown`."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not (shown and console.is_terminal), transient=True) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.update(task, completed=done())


def size_of(file: IO[bytes]) -> int:
    """Its length in bytes; where it stands does not change."""
    at = file.tell()
    size = file.seek(0, SEEK_END)
    file.seek(at)
    return size
