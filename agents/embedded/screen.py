"""What somebody sees on the terminal: lines, and bars while something takes its time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Show = Callable[[int], None]
"""Shows how much is done."""


class Screen:
    """Bars on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._under_way = 0

    def say(self, text: str = "") -> None:
        """Print a line, or several, as they are."""
        self._console.print(text, markup=False, emoji=False, soft_wrap=True)

    @contextmanager
    def doing(self, what: str, total: int) -> Iterator[Show]:
        """Show that `what`, of `total` steps, is under way for the time of the block."""
        if not self._console.is_terminal:
            self.say(f"{what} …")
        if self._under_way == 0:
            self._bars.start()
        self._under_way += 1
        task = self._bars.add_task(what, total=total)
        try:
            yield lambda done: self._bars.update(task, completed=done)
        finally:
            self._bars.remove_task(task)
            self._under_way -= 1
            if self._under_way == 0:
                self.close()

    def close(self) -> None:
        """Take all bars away, and give the terminal its cursor back."""
        self._bars.stop()
