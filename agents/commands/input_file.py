"""Reads what a user hands in, line by line: a file or standard input, JSON Lines or CSV."""

import csv
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from agents.refused import BadInput

Format = Literal["jsonl", "csv"]
_IN_MEMORY = 64 << 20  # bytes of standard input; more goes to a temporary file


@dataclass(frozen=True, slots=True)
class Line:
    """One record as it was handed in; `number` is that of its (first) line, from 1."""

    number: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Columns:
    """The fields that a CSV may have, as dotted paths.

    Attributes:
        numbers, flags: of them, those that are numbers and those that are true or false; the rest is text.
        default: fields that stand where the file has no such column.
    """

    names: tuple[str, ...]
    numbers: Collection[str] = ()
    flags: Collection[str] = ()
    default: tuple[tuple[str, str], ...] = ()


@contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """The file, or standard input for `-`; it can be read more than once. Raises `BadInput`."""
    try:
        if path == "-":
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
                shutil.copyfileobj(sys.stdin.buffer, kept)
                kept.seek(0)
                yield kept
        else:
            with Path(path).open("rb") as file:
                yield file
    except OSError as error:
        if error.filename is None:
            raise
        message = f"FILE is {path}: {error.strerror}: name a file that can be read"
        raise BadInput(message) from None


def format_of(path: str, given: str | None) -> Format:
    """What `--format` says, else what the name's ending says. Raises `BadInput`."""
    for known in ("jsonl", "csv"):
        if given == known:
            return known
    endings: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
    ending = Path(path).suffix.lower()
    if path == "-":
        return "jsonl"
    if ending not in endings:
        message = f"FILE is {path}: its ending does not say what is in it: add --format jsonl or --format csv"
        raise BadInput(message)
    return endings[ending]


def lines(file: IO[bytes], name: str, file_format: Format, columns: Columns) -> Iterator[Line]:
    """The records from the beginning of the file, each as JSON; empty lines are left out. Raises `BadInput`."""
    file.seek(0)
    return _csv(file, name, columns) if file_format == "csv" else _json_lines(file)


def documents(file: IO[bytes], name: str, file_format: Format) -> Iterator[Line]:
    """What a survey tool exported, as JSON: of a CSV an object a row, by its columns; else a line, or the whole file.

    Raises `BadInput`.
    """
    file.seek(0)
    if file_format == "csv":
        yield from _rows(file, name, lambda cells: {column: text for column, text in cells if column and text.strip()})
        return
    first = next(_json_lines(file), None)
    if first is not None and not _is_json(first.value):  # set out over several lines
        file.seek(0)
        yield Line(first.number, file.read().removeprefix(b"\xef\xbb\xbf"))
        return
    file.seek(0)
    yield from _json_lines(file)


def _is_json(value: bytes) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


def unknown_columns(file: IO[bytes], name: str, columns: Columns) -> list[str]:
    """The columns of a CSV that no field is called by. Raises `BadInput`."""
    file.seek(0)
    with _text(file) as text:
        return [column for column in _header(csv.reader(text), name) if column not in columns.names]


def template(columns: Columns) -> str:
    """A CSV without rows: its header names every field."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(columns.names)
    return out.getvalue()


def _json_lines(file: IO[bytes]) -> Iterator[Line]:
    for number, line in enumerate(file, 1):
        value = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if value.strip():
            yield Line(number, value.strip())


def _csv(file: IO[bytes], name: str, columns: Columns) -> Iterator[Line]:
    return _rows(file, name, lambda cells: _tree(cells, columns))


def _rows(file: IO[bytes], name: str, made: Callable[[Iterable[tuple[str, str]]], object]) -> Iterator[Line]:
    with _text(file) as text:
        reader = csv.reader(text)
        header = _header(reader, name)
        try:
            before = reader.line_num
            for row in reader:
                number, before = before + 1, reader.line_num
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) > len(header):
                    message = (
                        f"{name}:{number}: has {len(row)} cells for {len(header)} columns: quote cells with commas"
                    )
                    raise BadInput(message)
                yield Line(number, json.dumps(made(zip(header, row, strict=False))).encode())
        except csv.Error as error:
            message = f"{name}:{reader.line_num}: not valid CSV: {error}"
            raise BadInput(message) from None
        except UnicodeDecodeError:
            raise _not_utf8(name) from None


def _header(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        header = [column.strip() for column in next(reader, [])]
    except csv.Error as error:
        message = f"{name}:1: not valid CSV: {error}"
        raise BadInput(message) from None
    except UnicodeDecodeError:
        raise _not_utf8(name) from None
    if not any(header):
        message = f"{name}: is empty: the first line names the columns"
        raise BadInput(message)
    if twice := sorted({column for column in header if column and header.count(column) > 1}):
        message = f"{name}:1: the column {twice[0]} is there twice: remove one"
        raise BadInput(message)
    return header


def _not_utf8(name: str) -> BadInput:
    return BadInput(f"{name}: is not UTF-8 text: save it as UTF-8")


@contextmanager
def _text(file: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield text
    finally:
        text.detach()


def _tree(cells: Iterable[tuple[str, str]], columns: Columns) -> dict[str, object]:
    tree: dict[str, object] = {}
    for column, text in (*columns.default, *cells):
        if column not in columns.names or not text.strip():
            continue
        *parents, leaf = column.split(".")
        branch = tree
        for parent in parents:
            below = branch.setdefault(parent, {})
            assert isinstance(below, dict)  # noqa: S101 (no field is both a text and an object)
            branch = below
        branch[leaf] = _typed(column, text, columns)
    return tree


def _typed(column: str, text: str, columns: Columns) -> object:
    # What does not fit stays text: the validation then names the field and the value.
    if column in columns.numbers:
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
    if column in columns.flags:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
            text.strip().lower(), text
        )
    return text
