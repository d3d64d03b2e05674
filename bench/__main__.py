"""`python -m bench`: csatwatch measured beside its peers, on a real Kafka."""

from collections.abc import Callable, Sequence
from functools import partial

import click

from bench import (
    backtest,
    delivery,
    detection,
    detection_page,
    latency,
    memory,
    one_customer,
    pages,
    report,
    scale,
    setup,
    throughput,
)
from bench.broker import Broker, running
from bench.engines import ENGINES
from tests.servers.big import Size
from tests.servers.unavailable import UnavailableError

Measure = Callable[[Broker], str]


@click.group(invoke_without_command=True)
@click.option("--kafka", metavar="HOST:PORT", help="A Kafka that runs; without it one is started for the measure.")
@click.option("--record", is_flag=True, help="Write the measure's section of docs/benchmarks.md.")
@click.pass_context
def bench(context: click.Context, *, kafka: str | None, record: bool) -> None:
    """Measure csatwatch beside its peers, on a real Kafka: everything, where no measure is named.

    First `setup`, which fetches the peers.
    """

    def run(measure: Measure) -> None:
        setup.require()
        try:
            with running(kafka) as broker:
                text = measure(broker)
        except UnavailableError as error:
            raise click.ClickException(str(error)) from None
        _show(text, record=record)

    context.obj = run
    if context.invoked_subcommand is None:
        for measure in (
            throughput_command,
            latency_command,
            scale_command,
            memory_command,
            backtest_command,
            detection_command,
            delivery_command,
            pages_command,
        ):
            context.invoke(measure)


@bench.command("setup")
def install() -> None:
    """Fetch the peers: a Python environment from bench/requirements.txt, and Kafka Streams' jars through Maven."""
    setup.install()


_engines = click.option(
    "--engine", "names", multiple=True, type=click.Choice(list(ENGINES)), default=list(ENGINES), help="All by default."
)


@bench.command("throughput")
@click.option("--events", default=500_000, show_default=True)
@click.option("--customers", default=10_000, show_default=True)
@click.option("--runs", default=3, show_default=True)
@_engines
@click.pass_obj
def throughput_command(
    run: Callable[[Measure], None], *, events: int, customers: int, runs: int, names: Sequence[str]
) -> None:
    """Events a second through a feed that is there already."""
    run(partial(throughput.measure, events=events, customers=customers, runs=runs, names=names))


@bench.command("latency")
@click.option("--rate", "rates", multiple=True, type=int, default=(200, 2_000), show_default=True, help="Events/s.")
@click.option("--seconds", default=30.0, show_default=True)
@click.option("--customers", default=10_000, show_default=True)
@click.option("--runs", default=2, show_default=True, help="Of each.")
@click.pass_obj
def latency_command(
    run: Callable[[Measure], None], *, rates: Sequence[int], seconds: float, customers: int, runs: int
) -> None:
    """From the broker's append of a rating to that of its alert, live."""
    run(partial(latency.measure, rates=rates, seconds=seconds, customers=customers, runs=runs))


@bench.command("scale")
@click.option("--events", default=2_000_000, show_default=True, help="At least as many as --many.")
@click.option("--few", default=1_000, show_default=True, help="Customers.")
@click.option("--many", default=1_000_000, show_default=True, help="Customers.")
@click.option("--updates", default=20_000, show_default=True, help="Of one customer, by size of the window.")
@click.option("--runs", default=3, show_default=True)
@click.pass_obj
def scale_command(run: Callable[[Measure], None], *, events: int, few: int, many: int, updates: int, runs: int) -> None:
    """Few and many customers, recovery, long histories."""
    if events < many:
        raise click.BadParameter(f"{events} is less than --many {many}", param_hint="--events")
    run(partial(scale.measure, events=events, few=few, many=many, updates=updates, runs=runs))


@bench.command("memory")
@click.option("--minutes", default=5.0, show_default=True)
@click.option("--rate", default=5_000, show_default=True, help="Events/s.")
@click.option("--customers", default=10_000, show_default=True)
@click.pass_obj
def memory_command(run: Callable[[Measure], None], *, minutes: float, rate: int, customers: int) -> None:
    """The detector's memory over time, under a live feed."""
    run(partial(memory.measure, minutes=minutes, rate=rate, customers=customers))


@bench.command("backtest")
@click.option("--events", default=1_000_000, show_default=True)
@click.option("--customers", default=10_000, show_default=True)
@click.pass_context
def backtest_command(context: click.Context, *, events: int, customers: int) -> None:
    """A history through csatwatch backtest: without Kafka, and without peers."""
    _show(backtest.measure(events=events, customers=customers), record=context.find_root().params["record"])


@bench.command("updates")
@click.option("--updates", default=20_000, show_default=True, help="By size of the window.")
@click.pass_context
def updates_command(context: click.Context, *, updates: int) -> None:
    """One customer's long history, as in `scale`: without Kafka, and without peers."""
    _show(one_customer.measure(updates), record=context.find_root().params["record"])


@bench.command("detection")
@click.option("--histories", "count", default=2_000, show_default=True, help="Of each kind, and for each fall.")
@click.option("--seed", default=1, show_default=True)
@click.pass_context
def detection_command(context: click.Context, *, count: int, seed: int) -> None:
    """Falls found and false alarms, beside other ways: without Kafka; --record writes docs/detection.md."""
    command = f"python -m bench --record detection --histories {count} --seed {seed}"
    figures = detection.measure(count=count, seed=seed)
    click.echo(f"\n{detection_page.text(figures, command)}")
    if context.find_root().params["record"]:
        detection_page.record(figures, command)


@bench.command("pages")
@click.option("--requests", default=60, show_default=True, help="Of each page.")
@click.option("--customers", default=100_000, show_default=True)
@click.option("--ratings", default=2_000_000, show_default=True)
@click.option("--alerts", default=200_000, show_default=True)
@click.pass_context
def pages_command(context: click.Context, *, requests: int, customers: int, ratings: int, alerts: int) -> None:
    """Each page in a large database: without Kafka, and without peers."""
    text = pages.measure(requests=requests, size=Size(customers, ratings, alerts))
    _show(text, record=context.find_root().params["record"])


@bench.command("delivery")
@click.option("--rate", "rates", multiple=True, type=int, default=(5, 20), show_default=True, help="Alerts/s.")
@click.option("--alerts", default=500, show_default=True)
@click.pass_context
def delivery_command(context: click.Context, *, rates: Sequence[int], alerts: int) -> None:
    """From the broker's append of an alert to the message in Slack: without peers."""
    options = context.find_root().params
    with running(options["kafka"]) as broker:
        _show(delivery.measure(broker, rates=tuple(rates), alerts=alerts), record=options["record"])


def _show(text: str, *, record: bool) -> None:
    click.echo(f"\n{text}")
    if record:
        report.record(text)


if __name__ == "__main__":
    bench(prog_name="python -m bench")
