"""`csatwatch topics grow`: more partitions."""

import click

from agents.growth import Growth
from agents.process import EXIT_FAILED
from agents.refused import Failed
from agents.session import visit
from agents.settings import PREFIX, load_settings
from streams.track import UnknownFormat


@click.command()
@click.option("--partitions", type=click.IntRange(1), required=True, help="So many, from now on.")
@click.option(
    "--while-events-come",
    is_flag=True,
    help="Grow though events are unread. They are sent on to their new partitions, behind what came there meanwhile.",
)
def grow(*, partitions: int, while_events_come: bool) -> None:
    """Give csat-events, alerts, csat-trends and the detector's state more partitions, and move each customer along.

    Stop all detectors first; everything else may run. It refuses while a detector is alive, and while events are
    unread, so that each customer's events stay in their order. When it is cut off, run it again: it goes on, and until
    it is through no detector starts.
    """
    settings = load_settings()
    if not settings.kafka_transactions:
        raise Failed(
            f"{PREFIX}KAFKA_TRANSACTIONS is false: state can be moved by transactions only; use a broker that has them"
        )
    try:
        visit(settings, Growth(settings, partitions, click.echo).run(while_events_come=while_events_come))
    except UnknownFormat as error:
        click.echo(f"csatwatch: {error}", err=True)
        raise SystemExit(EXIT_FAILED) from None
