"""`csatwatch backtest`: the alerts that a policy would have raised on a history."""

import gc
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

import click
from msgspec.json import encode
from msgspec.json import format as pretty

from agents.commands.backtest_shares import History, Step, batches, shares
from agents.commands.backtest_table import table
from agents.commands.by_time import by_time
from agents.commands.checked import BadLine, Report, examine, good
from agents.commands.customers import COLUMNS as ACCOUNT_COLUMNS
from agents.commands.customers import checked_account
from agents.commands.input_file import Line, format_of, lines, opened, unknown_columns
from agents.commands.progress import measured, size_of
from agents.commands.publish import COLUMNS
from agents.refused import BadInput
from agents.settings import load_settings
from schemas.customer import Customer
from schemas.policy import Policy, load_policy
from streams.backtest.figures import Figures
from streams.backtest.replay import Replay

_MOST_POLICIES = 2
_LARGE = 32 << 20  # bytes: below, a second process takes longer to start than it saves
_MOST_WORKERS = 8

_written = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("events", required=False)
@click.option(
    "--policy",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Given twice, the two are set side by side. Default: the policy in the settings.",
)
@click.option(
    "--customers", "accounts_file", metavar="FILE", help="The accounts, as csatwatch customers import reads them."
)
@click.option(
    "--within",
    type=click.IntRange(1, 365),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="What comes so long after an alert is held against it.",
)
@click.option("--by-time", "sort", is_flag=True, help="Sort by the events' times first; default: the file's order.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes, each with its share of the customers. Default: as many as there are processors for a large file.",
)
@click.option("--format", "given", type=click.Choice(["jsonl", "csv"]), help="Default: by the file's ending.")
@click.option(
    "--json", "as_json", is_flag=True, help="The alerts themselves, one record a line, as on the topic alerts."
)
@click.option("--summary-json", type=_written, help="The figures go here, for programs.")
@click.option("--html", type=_written, help="The figures go here, as a page with pictures.")
def backtest(
    *,
    events: str | None,
    files: tuple[Path, ...],
    accounts_file: str | None,
    within: int,
    sort: bool,
    workers: int | None,
    given: str | None,
    as_json: bool,
    summary_json: Path | None,
    html: Path | None,
) -> None:
    """Try a policy on the past: which alerts would it have raised on the history in EVENTS?

    EVENTS is JSON Lines or CSV, as csatwatch publish reads it; - is standard input. Nothing is sent anywhere, and no
    server is needed. The detector's own pipeline reads the file in its order, each event as if it arrived when it
    happened; so the alerts are those that the detector raises on the same feed, and the same each time.

    A line that is no event is reported with its number and left out. Without --customers no account is known: then
    severity goes by "unknown", and every alert is unowned.

    \b
    Example:
      csatwatch backtest history.jsonl --customers accounts.csv
      csatwatch backtest history.jsonl --policy now.yaml --policy next.yaml --html next.html
      csatwatch backtest history.jsonl --json | jq -r .alert_id
    """  # noqa: D301 (click's mark for text that is not to be wrapped)
    if events is None:
        raise BadInput("EVENTS is missing: name a file, or - for standard input")
    if events == "-" == accounts_file:
        raise BadInput("EVENTS and --customers are both -: standard input can be only one of them")
    policies = _policies(files)
    for path in (summary_json, html):
        if path is not None:
            _write(path)  # a path that cannot be written is said now, not after the run
    accounts = {} if accounts_file is None else _accounts(accounts_file)
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)  # what is kept has no cycles, and is looked through in vain
    file_format, name = format_of(events, given), "standard input" if events == "-" else events
    history = History(events, name, file_format, policies, accounts, timedelta(days=within))
    with opened(events) as source:
        if file_format == "csv":
            for column in unknown_columns(source, name, COLUMNS):
                click.echo(f"csatwatch: {name}: the column {column!r} is no field of an event: left out", err=True)
        count = _processes(workers, events, source, sort=sort)
        figures = _run(history, source, count, sort=sort, as_json=as_json)
    if not as_json:
        click.echo(table(figures), nl=False)
    if summary_json is not None:
        _write(summary_json, pretty(encode(figures)) + b"\n")
    if html is not None:
        from web.backtest import page  # noqa: PLC0415 (the pages' libraries take a while to import)

        _write(html, page(figures).encode())


@dataclass(slots=True)
class _Seen:
    """Bytes (sorted: lines) and lines of the history, so far."""

    done: int = 0
    events: int = 0


def _run(history: History, source: IO[bytes], count: int, *, sort: bool, as_json: bool) -> Figures:
    out = click.get_binary_stream("stdout")
    shown = not (as_json and out.isatty())  # the bar would stand among the alerts
    report = Report(history.name)
    seen = _Seen()
    with ExitStack() as stack:
        total = size_of(source)
        if count == 1:
            replay = Replay(history.policies, history.accounts, history.within)
            read: Iterable[Line] = lines(source, history.name, history.file_format, COLUMNS)
            if sort:
                read = measured(read, total=total, done=source.tell, what="sorting", shown=shown)
                total, read = stack.enter_context(by_time(read))
            steps: Iterable[Step] = _steps(replay, read, None if sort else source)
            close = replay.close
        else:
            shared = stack.enter_context(shares(history, count))
            steps, close = shared.steps(), shared.close
        for step in measured(steps, total=total, done=lambda: seen.done, what="replaying", shown=shown):
            seen.done = step.done
            seen.events += step.events
            for number, why in step.refused:
                report.add(Line(number, b""), BadLine(why))
            if as_json:
                out.writelines(alert + b"\n" for _, alert in step.alerts)
        out.flush()
        report.good = seen.events - report.bad
        report.settle(skip_bad=True)
        return close()


def _steps(replay: Replay, read: Iterable[Line], source: IO[bytes] | None) -> Iterator[Step]:
    for batch in batches(read):
        passed = replay.process(batch)
        yield Step.of(passed, len(batch), source.tell() if source else replay.events)


def _processes(wanted: int | None, path: str, source: IO[bytes], *, sort: bool) -> int:
    """How many: a history that is small, or cannot be read twice, is not worth a second one."""
    alone = "standard input" if path == "-" else "--by-time" if sort else None
    if alone is not None:
        if wanted is not None and wanted > 1:
            message = f"--workers is {wanted}: with {alone} one process replays it: leave --workers out"
            raise BadInput(message)
        return 1
    if wanted is not None:
        return wanted
    return min(len(os.sched_getaffinity(0)), _MOST_WORKERS) if size_of(source) >= _LARGE else 1


def _policies(files: tuple[Path, ...]) -> list[Policy]:
    if len(files) > _MOST_POLICIES:
        message = f"--policy is given {len(files)} times: two policies can be set side by side"
        raise BadInput(message)
    policies = [load_policy(file) for file in files] or [load_policy(load_settings().policy)]
    if len({(each.policy, each.version) for each in policies}) < len(policies):
        message = f"--policy: both files hold policy {policies[0].policy}, version {policies[0].version}: change one"
        raise BadInput(message)
    return policies


def _accounts(path: str) -> Mapping[str, Customer]:
    file_format, name = format_of(path, None), "standard input" if path == "-" else path
    with opened(path) as source:
        if file_format == "csv":
            for column in unknown_columns(source, name, ACCOUNT_COLUMNS):
                click.echo(f"csatwatch: {name}: the column {column!r} is no field of an account: left out", err=True)
        examine(lines(source, name, file_format, ACCOUNT_COLUMNS), checked_account, name).settle(skip_bad=True)
        read = good(lines(source, name, file_format, ACCOUNT_COLUMNS), checked_account)
        return {account.customer_id: account for _, account in read}


def _write(path: Path, content: bytes | None = None) -> None:
    try:
        with path.open("ab" if content is None else "wb") as file:
            file.write(content or b"")
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}: name another file"
        raise BadInput(message) from None
