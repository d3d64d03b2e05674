"""Forgetting: what customers and people said is nowhere any more, and does not come back; the figures stay."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import asyncpg
import pytest

from schemas.action import Action, ActionKind
from schemas.alert import NAMESPACE, Alert, alert_id
from schemas.customer import Customer, Person
from schemas.event import Contact, CsatReceived, CustomerErased, TicketClosed
from schemas.wire import decode_event
from sinks import erase
from sinks.customers import Account, store_customers
from sinks.erase import Person as Somebody
from sinks.postgres import connect
from sinks.ratings import Arrival, store_events
from tests.alerts import alert

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
GLOBALTECH, INITECH = str(UUID(int=1)), str(UUID(int=2))
ADA = Contact(id="u-1", name="Ada Quillfeather", email="Ada@GlobalTech.example")
BOB = Contact(id="u-2", name="Bob Wimbledown", email="bob@globaltech.example")
WORDS = {"Ada": "Ada's own words", "Bob": "Bob's very words"}


@pytest.fixture
async def connection(postgres: str) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
    async with await connect(postgres, size=2) as pool, pool.acquire() as one:
        yield one


def _at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def _answer(number: int, person: Contact, customer: str = GLOBALTECH) -> Arrival:
    event = CsatReceived(
        event_id=f"e-{number}",
        customer_id=customer,
        ticket_id=f"T-{number}",
        rating=1,
        responded_at=_at(number),
        feedback=WORDS[(person.name or "")[:3]],
        ticket_subject=f"the trouble of {(person.name or '')[:3]}",
        ticket_category="Billing",
        assignee="Sam Support",
        contact=person,
    )
    return Arrival(event, _at(number))


def _alert(number: int, person: Contact, customer: str = GLOBALTECH) -> Alert:
    said = _answer(number, person, customer).event
    assert isinstance(said, CsatReceived)
    return alert(
        alert_id=alert_id("poor_rating", customer, said.ticket_id),  # type: ignore[arg-type]
        customer_id=customer,
        response_id=said.ticket_id,
        occurred_at=said.responded_at,
        detected_at=said.responded_at,
        feedback=said.feedback,
        contact=person,
        customer={"customer_id": customer, "name": "GlobalTech Ltd", "primary_contact": ADA},
        ticket={"ticket_id": said.ticket_id, "ticket_subject": said.ticket_subject, "assignee": said.assignee},
    )


async def _write(connection: asyncpg.Connection, number: int, person: Contact, customer: str = GLOBALTECH) -> None:
    """All that is known of one answer, as `store` and `deliver` write it."""
    await store_events(connection, [_answer(number, person, customer)])
    found = _alert(number, person, customer)
    await connection.execute(
        "insert into alerts (alert_id, customer_id, response_id, kind, severity, severity_rank, status, revision, "
        "silent, occurred_at, detected_at, published_at, record) values ($1, $2, $3, 'poor_rating', 'high', 1, "
        "'firing', 1, false, $4, $4, $4, $5) on conflict (alert_id) do update set record = excluded.record",
        str(found.alert_id),
        customer,
        found.response_id,
        found.occurred_at,
        json.loads(found.to_json()),
    )
    for sink, step in (("slack", "notify"), ("tasks", "task"), ("email", "draft")):
        await connection.execute(
            "insert into deliveries (alert_id, step, workflow, sink, config, state, wanted_revision, shown_revision, "
            "severity_rank, due_at) values ($1, $2, 'w', $3, '{}', 'done', 1, 1, 1, now()) on conflict do nothing",
            str(found.alert_id),
            step,
            sink,
        )
    name = person.name or ""
    await connection.execute(
        "insert into tasks (task_id, alert_id, step, customer_id, title, priority, due_at, status) "
        "values ($1, $2, 'task', $3, $4, 'high', now(), 'open') on conflict do nothing",
        str(uuid5(NAMESPACE, f"task {number}")),
        str(found.alert_id),
        customer,
        f"Follow up: {found.feedback}",
    )
    await connection.execute(
        "insert into email_drafts (draft_id, version, alert_id, step, customer_id, to_name, to_email, subject, body, "
        "status) values ($1, 1, $2, 'draft', $3, $4, $5, $6, $7, 'draft') on conflict do nothing",
        str(uuid5(NAMESPACE, f"draft {number}")),
        str(found.alert_id),
        customer,
        name,
        person.email,
        f"To {name}",
        f"Dear {name}, you said: {found.feedback}",
    )
    action = Action(
        action_id=uuid5(NAMESPACE, f"action {number}"),
        alert_id=found.alert_id,
        customer_id=customer,
        kind=ActionKind.EMAIL_REQUESTED,
        by="ana@csatwatch.example",
        at=_at(number),
        to=person,
        subject=f"To {name}",
        body=f"Dear {name}",
        note=f"{name} was cross",
    )
    await connection.execute(
        "insert into actions (action_id, alert_id, customer_id, kind, by, at, note, record) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
        str(action.action_id),
        str(action.alert_id),
        customer,
        action.kind,
        action.by,
        action.at,
        action.note,
        json.loads(action.to_json()),
    )


async def _fill(connection: asyncpg.Connection) -> None:
    account = Customer(
        customer_id=GLOBALTECH,
        name="GlobalTech Ltd",
        arr=5,
        csm=Person(name="Ana", email="ana@csatwatch.example"),
        primary_contact=ADA,
    )
    await store_customers(connection, [Account(GLOBALTECH, account, _at(-10))])
    await _write(connection, 1, ADA)
    await _write(connection, 2, BOB)
    await _write(connection, 3, ADA, INITECH)


def _erased(customer: str = GLOBALTECH, contact: Contact | None = None, at: int = 60) -> Arrival:
    return Arrival(CustomerErased(event_id="x", customer_id=customer, contact=contact), _at(at))


async def test_a_customer_that_was_erased_is_found_nowhere_and_comes_not_back(connection: asyncpg.Connection) -> None:
    await _fill(connection)
    words = await erase.words_of(connection, GLOBALTECH)
    assert {"Ada's own words", "Bob's very words", "GlobalTech Ltd", "Ada Quillfeather", "u-2"} - {"u-2"} <= set(words)
    assert await erase.search(connection, words, GLOBALTECH), "before, the search finds them"
    await store_events(connection, [_erased()])
    assert await erase.search(connection, words, GLOBALTECH) == {}
    # All topics once more: events, accounts, alerts and what was done.
    await _fill(connection)
    assert await erase.search(connection, words, GLOBALTECH) == {}
    await store_events(connection, [_erased()])
    assert await erase.search(connection, words, GLOBALTECH) == {}
    figures = await connection.fetchrow(
        "select count(*), sum(rating), count(ticket_category) from support_satisfaction where customer_id = $1",
        GLOBALTECH,
    )
    assert figures is not None
    assert tuple(figures) == (2, 2, 2)
    left = await connection.fetchrow("select kind, by, at from actions where customer_id = $1", GLOBALTECH)
    assert left is not None
    assert (left["kind"], left["by"]) == ("email_requested", "ana@csatwatch.example")
    for record in await connection.fetch("select record from alerts where customer_id = $1", GLOBALTECH):
        shown = Alert.model_validate(record["record"])
        assert (shown.rating, shown.feedback, shown.contact) == (1, None, None)
    # Another customer keeps what the same person said there.
    assert await erase.search(connection, ["Ada's own words"], INITECH)


async def test_slack_and_tasks_are_shown_once_more_without_the_words(connection: asyncpg.Connection) -> None:
    await _fill(connection)
    await store_events(connection, [_erased()])
    rows = await connection.fetch(
        "select sink, state from deliveries d join alerts using (alert_id) where customer_id = $1", GLOBALTECH
    )
    assert {(row["sink"], row["state"]) for row in rows} == {("slack", "due"), ("tasks", "due"), ("email", "done")}
    await connection.execute("update deliveries set state = 'done'")
    await store_events(connection, [_erased(), _answer(1, ADA)])
    assert await connection.fetchval("select count(*) from deliveries where state = 'due'") == 0, "once"


async def test_what_is_said_after_the_erasure_is_kept(connection: asyncpg.Connection) -> None:
    await _fill(connection)
    await store_events(connection, [_erased()])
    await _write(connection, 90, BOB)
    assert set(await erase.search(connection, ["Bob's very words"], GLOBALTECH)) >= {
        "support_satisfaction.feedback",
        "alerts.record",
        "tasks.title",
        "email_drafts.body",
    }


@pytest.mark.parametrize("by", [Contact(email="ada@globaltech.EXAMPLE"), Contact(id="u-1")])
async def test_a_person_that_was_erased_is_found_nowhere_and_others_are(
    connection: asyncpg.Connection, by: Contact
) -> None:
    await _fill(connection)
    person = Somebody("email", by.email) if by.email else Somebody("id", by.id or "")
    customers = await erase.customers_of(connection, person)
    assert customers == [GLOBALTECH, INITECH]
    words = [word for each in customers for word in await erase.words_of(connection, each, person)]
    assert set(words) >= {"Ada's own words", "Ada Quillfeather"}
    for _ in range(2):
        await store_events(connection, [_erased(each, by) for each in customers])
        assert await erase.search(connection, words, None) == {}
        await _fill(connection)
        assert await erase.search(connection, words, None) == {}
    assert set(await erase.search(connection, ["Bob's very words"], GLOBALTECH)) >= {
        "support_satisfaction.feedback",
        "alerts.record",
        "email_drafts.body",
    }
    assert await connection.fetchval("select count(*) from support_satisfaction") == 3
    assert (
        await connection.fetchval("select name from customers where customer_id = $1", GLOBALTECH) == "GlobalTech Ltd"
    )


async def test_a_ticket_closed_once_more_brings_no_subject_back(connection: asyncpg.Connection) -> None:
    await _fill(connection)
    closed = TicketClosed(
        event_id="c", customer_id=GLOBALTECH, ticket_id="T-1", ticket_subject="the trouble of Ada", closed_at=_at(2)
    )
    await store_events(connection, [_erased(contact=Contact(id="u-1")), Arrival(closed, _at(2))])
    await store_events(connection, [Arrival(closed, _at(2))])
    subject = await connection.fetchval("select ticket_subject from tickets where ticket_id = 'T-1'")
    assert subject is None


async def test_a_digest_loses_its_words_on_a_customer_that_was_erased(connection: asyncpg.Connection) -> None:
    await _fill(connection)
    items = [
        {"part": "falling", "customer_id": customer, "name": f"name of {n}", "words": f"words on {n}"}
        for n, customer in enumerate((GLOBALTECH, INITECH))
    ]
    record = {"items": items, "detected_at": _at(30).isoformat(), "alert_id": str(UUID(int=9))}
    await connection.execute(
        "insert into digests (alert_id, csm_email, week, due_at) values ($1, 'ana@x', '2026-W19', $2)",
        str(UUID(int=9)),
        _at(30),
    )
    await connection.execute("update digests set record = $1", record)
    await connection.execute(
        "insert into alerts (alert_id, kind, severity, severity_rank, status, revision, silent, occurred_at, "
        "detected_at, published_at, record) values ($1, 'weekly_digest', 'low', 3, 'firing', 1, false, $2, $2, $2, $3)",
        str(UUID(int=9)),
        _at(30),
        record,
    )
    assert len(await erase.search(connection, ["name of 0", "words on 0"], GLOBALTECH)) >= 2
    await store_events(connection, [_erased()])
    assert await erase.search(connection, ["name of 0", "words on 0"], GLOBALTECH) == {}
    assert len(await erase.search(connection, ["name of 1", "words on 1"], GLOBALTECH)) >= 2


async def test_what_is_old_loses_its_words_and_keeps_its_figures(connection: asyncpg.Connection) -> None:
    await _fill(connection)
    await connection.execute("update tickets set created_at = $1", NOON)
    assert await erase.forget_old(connection, _at(0)) == 0
    assert await erase.forget_old(connection, _at(1000))
    while await erase.forget_old(connection, _at(1000)):
        pass
    words = ["Ada's own words", "Bob's very words", "Quillfeather", "the trouble of", "Sam Support"]
    # The account is what the CRM says now, however old.
    assert set(await erase.search(connection, words, None)) <= {"customers.record"}
    assert await connection.fetchval("select sum(rating) from support_satisfaction") == 3
    assert await connection.fetchval("select count(*) from deliveries where state = 'due'") == 0, (
        "nothing is shown anew"
    )


async def test_one_worker_at_a_time_looks_for_what_is_old(postgres: str) -> None:
    async with await connect(postgres, size=2) as pool, pool.acquire() as one, pool.acquire() as other:
        async with one.transaction():
            assert await one.fetchval("select pg_try_advisory_xact_lock(hashtext('csatwatch retention'))")
            assert await erase.forget_old(other, _at(0)) is None
        assert await erase.forget_old(other, _at(0)) == 0


def test_the_detector_reads_whom_an_erasure_is_about() -> None:
    event = decode_event(CustomerErased(event_id="x", customer_id=GLOBALTECH, contact=Contact(id="u-1")).to_json())
    assert getattr(event, "contact", None) is not None
