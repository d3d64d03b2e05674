"""How many events a second, beside the peers?"""

import statistics
from collections.abc import Mapping, Sequence

import click

from bench import machine, report
from bench.broker import Broker
from bench.catch_up import Run, catch_up
from bench.engines import CSATWATCH, ENGINES, Csatwatch
from bench.feed import PARTITIONS, filled

ABOUT = """The same feed and the same job for everybody: decode and validate each event, keep each customer's ratings of
the window, raise an alert for a poor rating and for a fallen average. Time runs from the first alert on the broker to
the committed offsets at the end of the feed; csatwatch's alerts, changelog and checkpoints are all acknowledged by
then. csatwatch's job is larger: its alerts carry context, severity and reasons, and it publishes trends. All keep their
state every 10 s. The broker is warm: a first run is not counted. The engines take turns; median, least and most of the
runs. Under csatwatch's names: how many times as fast it is."""


def measure(broker: Broker, *, events: int, customers: int, runs: int, names: Sequence[str]) -> str:
    """The section for docs/benchmarks.md."""
    done: dict[str, list[Run]] = {name: [] for name in names}
    with filled(broker, customers, events) as feed:
        click.echo("warming the broker up")
        catch_up(CSATWATCH, broker, feed)
        for turn in range(runs):
            for name in names:
                run = catch_up(ENGINES[name], broker, feed)
                done[name].append(run)
                rate = f"{events / run.seconds:,.0f} events/s"
                click.echo(f"run {turn + 1}: {ENGINES[name].name}: {rate}, {run.alerts:,} alerts, {run.digest}")
    _compare(done)
    about = f"{ABOUT}\n\n{events:,} events of {customers:,} customers on {PARTITIONS} partitions, {runs} runs each."
    packages = [package for name in names if (package := ENGINES[name].package)]
    return report.section("Throughput", about, [_table(done, events)], machine.versions(*packages))


def _compare(done: Mapping[str, Sequence[Run]]) -> None:
    digests = {run.digest for name, runs in done.items() if not isinstance(ENGINES[name], Csatwatch) for run in runs}
    if len(digests) > 1:
        message = f"the peers' alerts differ: {sorted(digests)}"
        raise RuntimeError(message)


def _table(done: Mapping[str, Sequence[Run]], events: int) -> str:
    rates = {name: sorted(events / run.seconds for run in runs) for name, runs in done.items()}
    own = [name for name in rates if isinstance(ENGINES[name], Csatwatch)]
    return report.table(
        [
            {
                "": ENGINES[name].name,
                "events/s": f"{statistics.median(rates[name]):,.0f}",
                "least": f"{rates[name][0]:,.0f}",
                "most": f"{rates[name][-1]:,.0f}",
                **{
                    f"{ENGINES[each].name}:": f"{statistics.median(rates[each]) / statistics.median(rates[name]):.2f}"
                    for each in own
                },
                "CPU s": f"{statistics.median(run.usage.cpu for run in runs):.1f}",
                "peak RSS MB": f"{max(run.usage.peak for run in runs) / (1 << 20):,.0f}",
                "state after a crash": ENGINES[name].state,
            }
            for name, runs in done.items()
        ]
    )
