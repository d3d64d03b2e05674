"""`csatwatch alert test`: a test alert through every step."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

import asyncpg
import click

from agents.commands.publish import message
from agents.commands.send import Message, send_all
from agents.refused import BadInput, Failed
from agents.session import visit
from agents.settings import PREFIX, Settings, load_settings
from schemas.alert import Kind, alert_id
from schemas.customer import Customer, Person
from schemas.event import Contact, CsatReceived
from sinks.postgres import BadDatabase, connect
from streams.topology import CUSTOMERS, EVENTS

_NAMESPACE = UUID("2a1f6b0c-8f7e-5f4e-9a53-6d0c5a7a1133")
_NAME = "csatwatch test (no customer)"
_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")
_LOOK_EVERY = 0.2  # seconds
_ACCOUNT = 5.0  # seconds for the account to arrive before its rating does
_STEPS = """
select d.step, d.sink, d.state, d.destination, d.error from deliveries d
where d.alert_id = $1 and d.step not like '%#%' order by d.step
"""

Value = TypeVar("Value")


@click.group()
def alert() -> None:
    """Try the way of an alert."""


@alert.command("test")
@click.option("--to", metavar="EMAIL", required=True, help="Who gets it: the CSM of the test's own account.")
@click.option("--within", type=click.FloatRange(1, 3600), default=60, show_default=True, help="Seconds to wait.")
@click.option("--keep", is_flag=True, help="Leave the alert open; otherwise it is withdrawn once it went through.")
@click.option("--json", "as_json", is_flag=True, help="The steps as one JSON document.")
def test(*, to: str, within: float, keep: bool, as_json: bool) -> None:
    """Send a test alert through every step, and say what became of each.

    An account that is named as a test, with EMAIL as its CSM, rates a ticket TEST-… with 1 of 5. The processes treat it
    like any other: it is detected, stored and delivered. The draft of the follow-up e-mail is to EMAIL as well, so that
    the buttons can be tried with --keep. Afterwards the rating is changed to 5, which withdraws the alert.

    Exit code 1 where a step did not go through in time.
    """
    if not _EMAIL.fullmatch(to):
        raise BadInput(f"--to is {to!r}: it must be an e-mail address, like ana@example.com")
    settings = load_settings()
    steps = visit(settings, _run(settings, to, within, keep=keep, say=(lambda _: None) if as_json else click.echo))
    if as_json:
        click.echo(json.dumps(steps, indent=2))
    missing = [step["step"] for step in steps if step["state"] != "done"]
    if missing:
        raise Failed(f"{', '.join(missing)}: not done; csatwatch deliveries show says more")


async def _run(
    settings: Settings, to: str, within: float, *, keep: bool, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    try:
        async with asyncio.timeout(within):
            pool = await connect(settings.postgres_dsn.get_secret_value(), size=1, application="csatwatch alert test")
    except TimeoutError:
        raise Failed(f"Postgres does not answer: start it, or correct {PREFIX}POSTGRES_DSN") from None
    except BadDatabase as error:
        raise BadInput(f"{PREFIX}POSTGRES_DSN: {error}") from None
    try:
        return await _through(settings, pool, to, within, keep=keep, say=say)
    except asyncpg.PostgresError as error:
        name = type(error).__name__
        raise Failed(f"Postgres refused ({name}): start csatwatch deliver, which makes the tables") from None
    finally:
        pool.terminate()


async def _through(
    settings: Settings, pool: asyncpg.Pool, to: str, within: float, *, keep: bool, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    account = _account(to)
    ticket = f"TEST-{now:%Y%m%d-%H%M%S}"
    expected = str(alert_id(Kind.POOR_RATING, account.customer_id, ticket))
    await send_all(settings, CUSTOMERS, [Message(account.customer_id, account.to_json())])
    await _within(min(_ACCOUNT, within), lambda: _known(pool, account.customer_id))
    await send_all(settings, EVENTS, [_rating(account, ticket, 1, now)])
    say(f"sent: {ticket}, rated 1 of 5, for {to}")
    if not await _within(within, lambda: _recorded(pool, expected)):
        raise Failed(f"no alert within {within:g} s: do csatwatch detect and csatwatch deliver run? See /readyz")
    say(f"alert: {expected}")
    await _within(within, lambda: _settled(pool, expected))
    steps = [dict(row) for row in await pool.fetch(_STEPS, expected)]
    for step in steps:
        say(_line(step))
    if not keep:
        await send_all(settings, EVENTS, [_rating(account, ticket, 5, now + timedelta(seconds=1))])
        say("withdrawn: the rating is 5 now")
    return steps


def _account(to: str) -> Customer:
    name = to.partition("@")[0]
    return Customer(
        customer_id=str(uuid5(_NAMESPACE, to.lower())),
        name=_NAME,
        tier="test",
        csm=Person(name=name, email=to),
        primary_contact=Contact(name=name, email=to),
    )


def _rating(account: Customer, ticket: str, rating: int, at: datetime) -> Message:
    event = CsatReceived(
        event_id=f"{ticket}-{rating}",
        customer_id=account.customer_id,
        ticket_id=ticket,
        response_id=ticket,
        rating=rating,
        responded_at=at,
        ticket_subject="[TEST] csatwatch is being tried",
        ticket_category="Test",
        feedback="This is a test of csatwatch: no customer wrote it, and nothing has to be done.",
    )
    return message(event, event.to_json(), source="/csatwatch/alert-test")


async def _known(pool: asyncpg.Pool, customer_id: str) -> object:
    try:
        return await pool.fetchval("select name from customers where customer_id = $1", customer_id)
    except asyncpg.UndefinedTableError:
        return None


async def _recorded(pool: asyncpg.Pool, expected: str) -> object:
    return await pool.fetchval("select true from alerts where alert_id = $1", expected)


async def _settled(pool: asyncpg.Pool, expected: str) -> bool:
    steps = await pool.fetch(_STEPS, expected)
    # Where no workflow has a step for it there is nothing to wait for; a row comes with the alert, in one transaction.
    return all(step["state"] not in {"due", "claimed"} for step in steps)


async def _within(seconds: float, look: Callable[[], Awaitable[Value]]) -> Value | None:
    """The first truthy value, or None when the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                if value := await look():
                    return value
                await asyncio.sleep(_LOOK_EVERY)
    return None


def _line(step: Mapping[str, Any]) -> str:
    where = f" ({step['destination']})" if step["destination"] else ""
    why = f": {step['error']}" if step["error"] else ""
    return f"{step['step']}: {step['state']}{where}{why}"
