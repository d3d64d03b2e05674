"""How fast is a history replayed? The command as a user runs it, in a process of its own, without Kafka."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import click

from bench import report
from streams.sample import Shape, accounts, feed

ABOUT = """`csatwatch backtest` on a history of made-up events (`csatwatch generate`), reading JSON Lines, the
detector's pipeline, and the figures. CPU seconds are those of all of its processes, start and end included; the peak is
that of the largest of them."""

_DAYS = 400
_SEED = 7
_NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: seconds, CPU seconds, and bytes resident at the peak."""

    seconds: float
    cpu: float
    peak: int


def measure(*, events: int, customers: int) -> str:
    """The section for docs/benchmarks.md."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        history, known, other = place / "history.jsonl", place / "accounts.jsonl", place / "other.yaml"
        click.echo(f"history: {events:,} events of {customers:,} customers over {_DAYS} days")
        with history.open("wb") as file:
            file.writelines(each.value + b"\n" for each in feed(_SEED, _NOW, Shape(customers, _DAYS, events)))
        known.write_bytes(b"".join(each.customer.to_json() + b"\n" for each in accounts(_SEED, customers)))
        policy = files("schemas") / "policy.yaml"
        other.write_text(policy.read_text(encoding="utf-8").replace("policy: default", "policy: other"))
        given = (str(history), "--customers", str(known), "--policy", str(policy))
        runs: Mapping[str, tuple[str, ...]] = {
            "the table": (*given, "--workers", "1"),
            "the table, `--workers 2`": (*given, "--workers", "2"),
            "the alerts, `--json`": (*given, "--json", "--workers", "1"),
            "two policies": (*given, "--policy", str(other), "--workers", "1"),
            "sorted first, `--by-time`": (*given, "--by-time"),
        }
        rows = []
        for what, arguments in runs.items():
            cost = _run(arguments)
            rows.append(
                {
                    "": what,
                    "seconds": f"{cost.seconds:.1f}",
                    "events a CPU second": f"{events / cost.cpu:,.0f}",
                    "CPU s": f"{cost.cpu:.1f}",
                    "peak RSS MB": f"{cost.peak / (1 << 20):.0f}",
                }
            )
            click.echo(f"{what}: {cost.cpu:.1f} CPU s")
        size = history.stat().st_size / 1e6
    about = f"{ABOUT}\n\n{events:,} events of {customers:,} customers over {_DAYS} days, {size:,.0f} MB."
    versions = {"csatwatch": version("csatwatch"), "Python": platform.python_version()}
    return report.section("Backtest", about, [report.table(rows)], versions)


def _run(arguments: tuple[str, ...]) -> Cost:
    """Raises RuntimeError when it fails."""
    command = [sys.executable, "-m", "agents.cli", "backtest", *arguments]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"backtest ended with {process.returncode}"
        raise RuntimeError(message)
    return Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)
