"""Alerts to test with: GlobalTech's as in the design, and variants of it."""

from datetime import UTC, datetime
from typing import Any

from schemas.alert import Alert, Context, Evidence, Kind, PolicyVersion, Severity, Status, Trend, alert_id
from schemas.customer import Customer, Person
from schemas.event import Contact, Ticket

GLOBALTECH = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
RESPONSE = "TKT-2026-4521"
AT = datetime(2026, 5, 12, 9, 30, tzinfo=UTC)
CSM = Person(name="Ana Diaz", email="ana@example.com")
CUSTOMER = Customer(
    customer_id=GLOBALTECH,
    name="GlobalTech",
    arr=175_000,
    currency="USD",
    csm=CSM,
    primary_contact=Contact(name="Pat Lee", email="pat@globaltech.example"),
)
TICKET = Ticket(
    ticket_id="TKT-2026-4521",
    ticket_subject="API returning 500 errors intermittently",
    ticket_category="Technical Issue",
    ticket_url="https://support.example.com/tickets/TKT-2026-4521",
    resolution_time_hours=72.0,
    sla_hours=24.0,
)


def alert(**changes: Any) -> Alert:
    """GlobalTech's alert, changed; `response` makes another one of it."""
    response = changes.pop("response", RESPONSE)
    kind = changes.get("kind", Kind.POOR_RATING)
    fields: dict[str, Any] = {
        "alert_id": alert_id(kind, GLOBALTECH, response),
        "customer_id": GLOBALTECH,
        "event_id": f"event-{response}",
        "response_id": response,
        "revision": 1,
        "status": Status.FIRING,
        "kind": kind,
        "severity": Severity.CRITICAL,
        "occurred_at": AT,
        "detected_at": AT,
        "customer": CUSTOMER,
        "ticket": TICKET,
        "rating": 1,
        "feedback": "Took too long to get a response, and the issue still isn't fully resolved.",
        "context": Context(tickets_30d=3, previous_avg=4.2, low_ratings_30d=2),
        "reasons": ("Rated 1 of 5.",),
        "policy": PolicyVersion(name="default", version="1"),
    }
    return Alert(**(fields | changes))


def trend(**changes: Any) -> Alert:
    """A declining trend of GlobalTech."""
    fallen = Trend(
        recent_avg=3.16,
        recent_n=5,
        since=datetime(2026, 4, 20, tzinfo=UTC),
        baseline_avg=4.3,
        baseline_n=12,
        drop=0.265,
        evidence=Evidence.STRONG,
    )
    return alert(**({"kind": Kind.DECLINING_TREND, "severity": Severity.HIGH, "trend": fallen} | changes))
