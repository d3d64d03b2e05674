"""`csatwatch publish`: events from a file to `csat-events`."""

from datetime import UTC, datetime

import click

from agents.commands import cloud_event
from agents.commands.checked import BadLine
from agents.commands.input_file import Columns
from agents.commands.publish_export import publish_export
from agents.commands.publish_file import Kind, publish_file
from agents.commands.send import LARGEST, Message
from schemas.event import CsatReceived, CustomerErased, TicketClosed, TicketEscalated
from streams.cloud_event import data_of
from streams.topology import EVENTS, HEADER_BACKFILL
from streams.validate import FUTURE_TOLERANCE, InvalidEvent, validate

Event = CsatReceived | TicketClosed | TicketEscalated | CustomerErased

_TIMES = ("responded_at", "closed_at", "escalated_at")
_CONTACT = ("contact.id", "contact.name", "contact.email", "contact.locale")
COLUMNS = Columns(
    names=(
        *(name for name in CsatReceived.model_fields if name != "contact"),
        *_CONTACT,
        "closed_at",
        "escalated_at",
    ),
    numbers=frozenset({"rating", "resolution_time_hours", "sla_hours", "rating_raw"}),
    flags=frozenset({"first_contact_resolution", "was_escalated"}),
    default=(("event_type", "support_csat_received"),),
)


@click.command()
@click.argument("file", required=False)
@click.option(
    "--format",
    "given",
    metavar="jsonl|csv|SOURCE",
    help="Default: by the file's ending. SOURCE: what a survey tool exported, such as zendesk, freshdesk, intercom, "
    "chatwoot or formbricks, as JSON or CSV.",
)
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out and publish the others.")
@click.option("--backfill", is_flag=True, help="History: recorded and counted, but nobody is alerted.")
@click.option("--template", is_flag=True, help="Print an empty CSV with every column, and end.")
def publish(*, file: str | None, given: str | None, skip_bad: bool, backfill: bool, template: bool) -> None:
    """Publish the events in FILE to csat-events.

    FILE is JSON Lines (one event a line) or a CSV whose first line names the columns, with a dot for what is inside
    an object, as in contact.email; - is standard input. A CSV without the column event_type holds ratings.

    Every record is checked before the first one is sent: a bad line is reported with its number, its field and the
    fix, and nothing is published unless --skip-bad is given. Records are keyed by customer_id, so that a customer's
    events stay in order, and are acknowledged by all replicas. Sending a file twice does no harm: an event_id that
    was seen changes nothing.

    With a SOURCE as --format, FILE is an export of that survey tool, mapped as its webhooks are. Answers whose customer
    is not known go to csatwatch dead-letters.

    \b
    Example:
      csatwatch publish ratings.csv
      csatwatch publish --format zendesk ratings.json
      echo '{"event_type": "support_csat_received", "event_id": "e-1", "ticket_id": "T-1", "rating": 1,
             "customer_id": "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11",
             "responded_at": "2026-01-31T09:30:00Z"}' | tr -d '\\n' | csatwatch publish -
    """  # noqa: D301 (click's mark for text that is not to be wrapped)
    now = datetime.now(UTC)
    if given not in {None, "jsonl", "csv"} and not template:
        publish_export(file, str(given), now, skip_bad=skip_bad, backfill=backfill)
        return
    events = Kind(
        EVENTS,
        ("an event", "events"),
        COLUMNS,
        lambda value: _event(value, now),
        lambda line, event: message(event, line.value, backfill=backfill),
    )
    publish_file(events, file, given, skip_bad=skip_bad, only_template=template)


def message(event: Event, value: bytes, *, source: str = "/csatwatch/publish", backfill: bool = False) -> Message:
    """The record of an event: `value` as it was given, without a CloudEvent around it, keyed by its customer."""
    at = next((at for field in _TIMES if (at := getattr(event, field, None))), None)
    headers = cloud_event.headers(event_id=event.event_id, event_type=event.event_type, source=source, at=at)
    return Message(
        event.customer_id, data_of(value) or value, (*headers, *([(HEADER_BACKFILL, b"1")] if backfill else []))
    )


def _event(value: bytes, now: datetime) -> Event:
    if len(value) > LARGEST:
        raise BadLine(f"the record has {len(value)} bytes: at most {LARGEST} can be sent; shorten feedback")
    try:
        event = validate(value)
    except InvalidEvent as error:
        raise BadLine(str(error)) from None
    for field in _TIMES:
        at = getattr(event, field, None)
        if at is not None and at - now > FUTURE_TOLERANCE:
            raise BadLine(f"{field} is {at.isoformat()}, more than an hour from now: correct it")
    return event
