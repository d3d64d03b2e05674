"""Rows as the other processes write them, for the pages to show."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import asyncpg

from schemas.action import Action
from schemas.alert import (
    NAMESPACE,
    Alert,
    Context,
    CustomerTrend,
    Evidence,
    Kind,
    PolicyVersion,
    Severity,
    Status,
    Trend,
    alert_id,
)
from schemas.customer import Customer, Person
from schemas.digest import Digest
from schemas.event import Ticket
from schemas.outcome import Outcomes

_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


def customer(name: str, arr: float | None = 175_000, csm: str | None = "Maria Santos", **more: object) -> Customer:
    """An account whose id follows from its name."""
    person = Person(name=csm, email=f"{csm.split()[0].lower()}@example.com") if csm else None
    return Customer.model_validate(
        {
            "customer_id": str(uuid5(NAMESPACE, name)),
            "name": name,
            "arr": arr,
            "currency": "USD" if arr is not None else None,
            "csm": person,
            **more,
        }
    )


def poor_rating(account: Customer, ticket: Ticket, *, at: datetime, **more: object) -> Alert:
    """An alert as the detector publishes it: of a 1 and critical, unless `more` says otherwise."""
    kind = Kind(str(more.get("kind", Kind.POOR_RATING)))
    rating = more.get("rating", 1)
    return Alert.model_validate(
        {
            "alert_id": alert_id(kind, account.customer_id, ticket.ticket_id),
            "customer_id": account.customer_id,
            "event_id": f"e-{ticket.ticket_id}",
            "response_id": ticket.ticket_id,
            "revision": 1,
            "status": Status.FIRING,
            "kind": kind,
            "severity": Severity.CRITICAL,
            "occurred_at": at,
            "detected_at": at + timedelta(milliseconds=8),
            "customer": account,
            "ticket": ticket,
            "rating": rating,
            "context": Context(tickets_30d=1, low_ratings_30d=1),
            "reasons": (f"Rated {rating} of 5: the policy alerts on 2 and less",),
            "policy": PolicyVersion(name="default", version="1"),
            **more,
        }
    )


@dataclass(frozen=True, slots=True)
class Rows:
    """One database."""

    connection: asyncpg.Connection

    async def account(self, account: Customer) -> None:
        csm = account.csm
        await self.connection.execute(
            "insert into customers (customer_id, name, arr, currency, csm_name, csm_email, record) "
            "values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            account.customer_id,
            account.name,
            account.arr,
            account.currency,
            csm.name if csm else None,
            csm.email if csm else None,
            account.to_json().decode(),
        )

    async def stub(self, customer_id: str) -> None:
        await self.connection.execute("insert into customers (customer_id) values ($1)", customer_id)

    async def rating(
        self, customer_id: str, ticket: Ticket, rating: int, at: datetime, feedback: str | None = None
    ) -> None:
        await self.connection.execute(
            "insert into tickets (customer_id, ticket_id, ticket_subject, ticket_category, ticket_url, "
            "resolution_time_hours, sla_hours) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            customer_id,
            ticket.ticket_id,
            ticket.ticket_subject,
            ticket.ticket_category,
            ticket.ticket_url,
            ticket.resolution_time_hours,
            ticket.sla_hours,
        )
        await self.connection.execute(
            "insert into support_satisfaction (customer_id, response_id, event_id, ticket_id, rating, feedback, "
            "responded_at) values ($1, $2, $3, $2, $4, $5, $6)",
            customer_id,
            ticket.ticket_id,
            f"e-{ticket.ticket_id}",
            rating,
            feedback,
            at,
        )

    async def outcomes(self, found: Outcomes) -> None:
        """The figures as they were last worked out."""
        await self.connection.execute(
            "insert into outcomes (as_of, record) values ($1, $2)", found.as_of, found.to_json().decode()
        )

    async def alert(self, alert: Alert | Digest) -> None:
        """The newest revision of an alert, or a digest; its account is made where it is missing."""
        about = alert if isinstance(alert, Alert) else None
        if about and about.customer:
            await self.account(about.customer)
        await self.connection.execute(
            "insert into alerts (alert_id, customer_id, response_id, kind, severity, severity_rank, status, revision, "
            "silent, occurred_at, detected_at, published_at, record) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12) "
            "on conflict (alert_id) do update set severity = excluded.severity, status = excluded.status, "
            "revision = excluded.revision, record = excluded.record",
            alert.alert_id,
            about.customer_id if about else None,
            about.response_id if about else None,
            alert.kind,
            alert.severity,
            _RANKS[alert.severity],
            alert.status,
            alert.revision,
            alert.silent,
            alert.occurred_at,
            alert.detected_at,
            alert.to_json().decode(),
        )

    async def step(self, alert: Alert | Digest, name: str, sink: str, state: str, **more: object) -> None:
        """A step of the ledger; `more` are further columns."""
        settled = datetime.now(UTC) if state in {"done", "failed"} else None
        columns = {
            "alert_id": alert.alert_id,
            "step": f"support_satisfaction_response/{name}",
            "workflow": "support_satisfaction_response",
            "sink": sink,
            "config": "{}",
            "state": state,
            "wanted_revision": alert.revision,
            "severity_rank": _RANKS[alert.severity],
            "due_at": alert.detected_at,
            "settled_at": settled,
            **more,
        }
        marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        await self.connection.execute(
            f"insert into deliveries ({', '.join(columns)}) values ({marks})",  # noqa: S608 - names from this file
            *columns.values(),
        )

    async def settle(self, alert: Alert, name: str, state: str) -> None:
        await self.connection.execute(
            "update deliveries set state = $3, settled_at = now() where alert_id = $1 and step = $2",
            alert.alert_id,
            f"support_satisfaction_response/{name}",
            state,
        )

    async def action(self, alert: Alert, kind: str, by: str, at: datetime, **more: object) -> None:
        """Something done with an alert, as deliver stores it."""
        action = Action.model_validate(
            {
                "action_id": uuid5(NAMESPACE, f"action {alert.alert_id} {kind} {at}"),
                "alert_id": alert.alert_id,
                "customer_id": alert.customer_id,
                "kind": kind,
                "by": by,
                "at": at,
                **more,
            }
        )
        await self.connection.execute(
            "insert into actions (action_id, alert_id, customer_id, kind, by, at, record, snoozed_until) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8)",
            action.action_id,
            action.alert_id,
            action.customer_id,
            action.kind,
            action.by,
            action.at,
            action.to_json().decode(),
            action.snoozed_until,
        )

    async def trend(
        self, account: Customer, at: datetime, *, drop: float, evidence: Evidence = Evidence.STRONG
    ) -> None:
        """The last trend of a customer whose mean was 4.4."""
        trend = CustomerTrend(
            customer_id=account.customer_id,
            as_of=at,
            recent_avg=4.4 * (1 - drop),
            recent_n=12,
            since=at - timedelta(days=45),
            baseline_avg=4.4,
            baseline_n=52,
            drop=drop,
            evidence=evidence,
        )
        await self.connection.execute(
            "insert into trends (customer_id, record, published_at, source_offset) values ($1, $2, $3, 1)",
            account.customer_id,
            trend.to_json().decode(),
            at,
        )

    async def task(self, alert: Alert, name: str = "create_task") -> None:
        assert alert.customer
        await self.connection.execute(
            "insert into tasks (task_id, alert_id, step, customer_id, title, priority, due_at, status) "
            "values ($1, $2, $3, $4, $5, 'high', $6, 'open')",
            uuid5(NAMESPACE, f"task {alert.alert_id}"),
            alert.alert_id,
            f"support_satisfaction_response/{name}",
            alert.customer_id,
            f"Follow up on poor support experience: {alert.customer.name}",
            alert.detected_at + timedelta(hours=24),
        )

    async def draft(self, alert: Alert, body: str, *, to: str = "Dana Wu", name: str = "draft_follow_up") -> None:
        await self.connection.execute(
            "insert into email_drafts (draft_id, version, alert_id, step, customer_id, to_name, to_email, subject, "
            "body, status) values ($1, 1, $2, $3, $4, $5, 'dana@example.com', $6, $7, 'draft')",
            uuid5(NAMESPACE, f"draft {alert.alert_id}"),
            alert.alert_id,
            f"support_satisfaction_response/{name}",
            alert.customer_id,
            to,
            f"Your support case {alert.ticket.ticket_id}",
            body,
        )

    async def delivered(self, alert: Alert) -> None:
        """All three steps of the workflow, done."""
        await self.step(alert, "notify_csm", "slack", "done")
        await self.step(alert, "create_task", "tasks", "done")
        await self.step(alert, "draft_follow_up", "email", "done")
        await self.task(alert)
        await self.draft(alert, _LETTER)


_LETTER = (
    "Hello Dana,\n\nI saw that your case took far longer than it should have, and that it is still not fully solved. "
    "I am sorry. I have asked our engineers for a date and will call you with it tomorrow.\n\nMaria Santos"
)
_SUBJECTS = (
    ("Export stops at 10,000 rows", "Technical Issue", "Clear answer within the hour, thank you."),
    ("Invoice shows the wrong plan", "Billing", None),
    ("How do we add a second workspace?", "How-to", "Friendly and quick."),
    ("SSO login loops for new users", "Technical Issue", "Works now, though we had to explain it twice."),
    ("Webhook retries come in bursts", "Technical Issue", None),
)
GLOBALTECH = customer("GlobalTech", tier="enterprise", renewal_at=datetime(2027, 3, 31, tzinfo=UTC))
TICKET = Ticket(
    ticket_id="TKT-2026-4521",
    ticket_subject="API returning 500 errors intermittently",
    ticket_category="Technical Issue",
    ticket_url="https://support.example.com/tickets/4521",
    resolution_time_hours=72,
    sla_hours=24,
)
FEEDBACK = "Took too long to get a response, and the issue still isn't fully resolved."


def globaltech(at: datetime, **more: object) -> Alert:
    """The alert that the documentation shows."""
    return poor_rating(
        GLOBALTECH,
        TICKET,
        at=at,
        **{
            "feedback": FEEDBACK,
            "context": Context(tickets_30d=3, previous_avg=4.2, low_ratings_30d=2),
            "reasons": (
                "Rated 1 of 5: the policy alerts on 2 and less",
                "Critical: a rating of 1 from an account of $100,000 or more",
                "Second low rating in 30 days",
                "Resolved in 72 hours where the SLA says 24",
                "To Maria Santos, the account's CSM",
            ),
            **more,
        },
    )


async def fill(rows: Rows, now: datetime) -> Sequence[Alert]:
    """A morning's alerts and half a year of GlobalTech's ratings; seeded. Newest first."""
    draw = random.Random(20260124)  # noqa: S311 - plausible, not secret
    await rows.account(GLOBALTECH)
    for number in range(70):
        at = now - timedelta(days=180 - number * 2.5, hours=draw.randrange(9))
        poor = number > 52
        subject, category, words = draw.choice(_SUBJECTS)
        ticket = Ticket(
            ticket_id=f"TKT-2026-{4000 + number * 7}",
            ticket_subject=subject,
            ticket_category=category,
            resolution_time_hours=draw.randrange(1, 30),
            sla_hours=24,
        )
        rating = draw.choices((1, 2, 3, 4, 5), (14, 12, 20, 30, 24) if poor else (1, 2, 8, 30, 59))[0]
        await rows.rating(GLOBALTECH.customer_id, ticket, rating, at, words if rating > 2 else None)
        if rating <= 2:
            old = poor_rating(
                GLOBALTECH, ticket, at=at, rating=rating, severity=Severity.HIGH, silent=at < now - timedelta(days=7)
            )
            await rows.alert(old)
    newest = globaltech(now - timedelta(minutes=4))
    await rows.rating(GLOBALTECH.customer_id, TICKET, 1, newest.occurred_at, FEEDBACK)
    await rows.alert(newest)
    await rows.delivered(newest)

    northwind = poor_rating(
        customer("Northwind Robotics", 64_000, "Jonas Weber"),
        Ticket(ticket_id="TKT-2026-4519", ticket_subject="Firmware update fails on line 3", ticket_category="Devices"),
        at=now - timedelta(minutes=21),
        rating=2,
        feedback="Two engineers told us two different things.",
        severity=Severity.MEDIUM,
        context=Context(tickets_30d=1, previous_avg=4.6, low_ratings_30d=1),
    )
    await rows.alert(northwind)
    await rows.step(northwind, "notify_csm", "slack", "due", attempts=2, error="Retriable: Slack answered ratelimited")
    await rows.step(northwind, "create_task", "tasks", "done")
    await rows.task(northwind)
    await rows.step(northwind, "draft_follow_up", "email", "claimed")

    falling = poor_rating(
        customer("Meridian Health Group", 240_000, "Maria Santos"),
        Ticket(ticket_id="TKT-2026-4507", ticket_subject="Audit log export incomplete", ticket_category="Compliance"),
        at=now - timedelta(hours=2, minutes=7),
        rating=3,
        severity=Severity.HIGH,
        kind=Kind.DECLINING_TREND,
        context=Context(tickets_30d=6, previous_avg=3.1, low_ratings_30d=2),
        trend=Trend(
            recent_avg=3.0,
            recent_n=6,
            since=now - timedelta(days=30),
            baseline_avg=4.5,
            baseline_n=14,
            drop=0.333,
            evidence=Evidence.STRONG,
        ),
        reasons=("The average of 30 days is 33 % below the 90 days before", "6 ratings against 14"),
    )
    await rows.alert(falling)
    await rows.step(falling, "notify_csm", "slack", "failed", attempts=8, error="Permanent: channel_not_found")
    await rows.step(falling, "create_task", "tasks", "done")
    await rows.task(falling)

    changed = poor_rating(
        customer("Brightside Logistics", 18_000, "Aisha Khan"),
        Ticket(ticket_id="TKT-2026-4498", ticket_subject="Tracking page slow", ticket_category="Performance"),
        at=now - timedelta(hours=3),
        rating=4,
        severity=Severity.LOW,
        status=Status.RETRACTED,
        revision=2,
    )
    await rows.alert(changed)
    await rows.step(changed, "notify_csm", "slack", "done")
    await rows.step(changed, "create_task", "tasks", "cancelled")
    for name, arr, csm in (("Atlas Freight", 92_000, "Jonas Weber"), ("Élan Médical", None, None)):
        account = customer(name, arr, csm)
        await rows.account(account)
        await rows.rating(account.customer_id, Ticket(ticket_id=f"T-{name}"), 5, now - timedelta(days=3))
    return newest, northwind, falling, changed


async def live_through(rows: Rows, now: datetime) -> Sequence[Alert]:
    """The same as `fill`, with half a year of tickets behind it, and with what people did. Newest first."""
    alerts = await fill(rows, now)
    northwind = alerts[1]
    await rows.connection.execute(
        "update tickets t set closed_at = s.responded_at - interval '3 hours', "
        "first_contact_resolution = t.resolution_time_hours < 8, assignee = 'Sam Hill' "
        "from support_satisfaction s where (t.customer_id, t.ticket_id) = (s.customer_id, s.ticket_id)"
    )
    await rows.connection.execute(
        "insert into tickets (customer_id, ticket_id, ticket_category, closed_at, resolution_time_hours, sla_hours, "
        "first_contact_resolution) select $1, 'TKT-unrated-' || n, 'Billing', $2::timestamptz - n * interval '9 days', "
        "5, 24, true from generate_series(1, 18) n",
        GLOBALTECH.customer_id,
        now,
    )
    await rows.trend(GLOBALTECH, now, drop=0.29)
    for number, words in enumerate(_MENTIONED):
        account = customer(f"Harbour {number}", 20_000 * number, "Jonas Weber", tier="growth")
        ticket = Ticket(ticket_id=f"TKT-H-{number}", ticket_subject="Sync", ticket_category="Integrations")
        at = now - timedelta(hours=5 + 7 * number)
        await rows.account(account)
        await rows.rating(account.customer_id, ticket, 2, at, words)
        snoozed = poor_rating(account, ticket, at=at, rating=2, severity=Severity.HIGH, feedback=words)
        await rows.alert(snoozed)
    for number, (kind, by, more) in enumerate(_DEEDS):
        await rows.action(northwind, kind, by, now - timedelta(minutes=15 - number), **more)
    await rows.action(alerts[2], "acknowledged", "Maria Santos", now - timedelta(hours=1))
    await rows.action(snoozed, "snoozed", "Jonas Weber", now, snoozed_until=now + timedelta(hours=4))
    return alerts


_MENTIONED = (
    "The calendar sync lost two meetings again.",
    "Calendar sync has been unreliable since the update.",
    "Nobody could tell us why the calendar sync stops at night.",
    "The mobile app logs us out.",
)
_DEEDS: Sequence[tuple[str, str, dict[str, object]]] = (
    ("acknowledged", "Jonas Weber", {}),
    (
        "email_requested",
        "Jonas Weber",
        {"to": {"name": "Dana Wu", "email": "dana@example.com"}, "subject": "The update of line 3"},
    ),
    ("email_sent", "Jonas Weber", {"note": "to Dana Wu"}),
    ("coordinated", "Jonas Weber", {"link": "https://example.slack.com/archives/C1/p1"}),
    ("followed_up", "Jonas Weber", {"note": "Called them: a fix is promised for Friday."}),
)


async def connect(dsn: str) -> asyncpg.Connection:
    """A connection whose UUIDs are text, as in our records."""
    connection = await asyncpg.connect(dsn)
    await connection.set_type_codec("uuid", encoder=str, decoder=UUID, schema="pg_catalog")
    await connection.set_type_codec("jsonb", encoder=str, decoder=json.loads, schema="pg_catalog")
    return connection
