"""An example or more of each topic's records, for the documents; tests hold them against the schemas."""

from collections.abc import Mapping, Sequence
from typing import Any

from streams.topology import ACTIONS, ALERTS, CUSTOMERS, EVENTS, TRENDS

_CUSTOMER = "6f1a2b3c-0d4e-4f50-8a61-728394a5b6c7"
_ANSWER = "9c8b7a65-4f3e-4d2c-9b1a-0f1e2d3c4b5a"
_CONTACT = {"name": "Dana Fox", "email": "dana.fox@globaltech.example"}
_CSM = {"name": "Maria Santos", "email": "maria.santos@vendor.example"}
_SINCE = "2026-01-31T09:30:00Z"
_TICKET = {
    "ticket_id": "TKT-2026-4521",
    "ticket_subject": "API returning 500 errors intermittently",
    "ticket_category": "Technical Issue",
    "resolution_time_hours": 72,
    "sla_hours": 24,
}
_ACCOUNT = {
    "customer_id": _CUSTOMER,
    "name": "GlobalTech",
    "arr": 175000,
    "currency": "USD",
    "csm": _CSM,
    "primary_contact": _CONTACT,
    "renewal_at": "2026-12-31T00:00:00Z",
}

EXAMPLES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    EVENTS: (
        {
            "event_type": "support_csat_received",
            "event_id": "zendesk-8841",
            "customer_id": _CUSTOMER,
            **_TICKET,
            "rating": 1,
            "feedback": "Took too long to get a response.",
            "responded_at": "2026-03-02T09:30:00Z",
            "contact": _CONTACT,
        },
        {
            "event_type": "support_ticket_closed",
            "event_id": "zendesk-8840",
            "customer_id": _CUSTOMER,
            "ticket_id": "TKT-2026-4521",
            "closed_at": "2026-03-02T08:00:00Z",
        },
        {
            "event_type": "support_ticket_escalated",
            "event_id": "zendesk-8790",
            "customer_id": _CUSTOMER,
            "ticket_id": "TKT-2026-4521",
            "escalated_at": "2026-03-01T16:00:00Z",
        },
        {"event_type": "support_customer_erased", "event_id": "erase-1", "customer_id": _CUSTOMER},
    ),
    CUSTOMERS: (_ACCOUNT,),
    ALERTS: (
        {
            "schema": 1,
            "alert_id": "b5a446f3-6ada-5a3b-afb9-4d53c64503de",
            "customer_id": _CUSTOMER,
            "event_id": "zendesk-8841",
            "response_id": "TKT-2026-4521",
            "revision": 1,
            "status": "firing",
            "kind": "poor_rating",
            "severity": "critical",
            "occurred_at": "2026-03-02T09:30:00Z",
            "detected_at": "2026-03-02T09:30:01Z",
            "customer": _ACCOUNT,
            "ticket": _TICKET,
            "contact": _CONTACT,
            "rating": 1,
            "feedback": "Took too long to get a response.",
            "context": {"tickets_30d": 1, "low_ratings_30d": 1},
            "trend": {"recent_n": 1, "recent_avg": 1.0, "baseline_n": 0, "since": _SINCE, "evidence": "insufficient"},
            "suggested_actions": [{"kind": "coordinate", "why": "The ticket took longer than promised."}],
            "silent": False,
            "reasons": [
                "Rated 1 of 5: 2 or less alerts, 3 would not have.",
                "Severity critical: rated 1 of 5, ARR $175,000 (enterprise).",
                "For Maria Santos: CSM of GlobalTech.",
            ],
            "policy": {"name": "default", "version": "1"},
        },
        {
            "schema": 1,
            "alert_id": "a17ed6ff-7169-5619-aedc-f51809840b82",
            "revision": 1,
            "status": "firing",
            "kind": "weekly_digest",
            "severity": "low",
            "occurred_at": "2026-03-09T08:00:00Z",
            "detected_at": "2026-03-09T08:00:04Z",
            "csm": _CSM,
            "week": "2026-W11",
            "items": [
                {
                    "part": "open",
                    "customer_id": _CUSTOMER,
                    "name": "GlobalTech",
                    "arr": 175000,
                    "currency": "USD",
                    "words": "Rated 1 of 5 on 2026-03-02, not acknowledged.",
                }
            ],
            "reasons": ["The digest of Maria Santos: one a week, on Monday at 9:00."],
            "policy": {"name": "default", "version": "1"},
        },
    ),
    ACTIONS: (
        {
            "action_id": _ANSWER,
            "alert_id": "2f6f0a51-6d5e-5b0a-8f6c-3b1de2b5a9c4",
            "customer_id": _CUSTOMER,
            "kind": "acknowledged",
            "by": "maria.santos@vendor.example",
            "at": "2026-03-02T09:35:00Z",
        },
    ),
    TRENDS: (
        {
            "customer_id": _CUSTOMER,
            "as_of": "2026-03-02T09:30:00Z",
            "recent_n": 12,
            "recent_avg": 3.1,
            "baseline_n": 52,
            "baseline_avg": 4.4,
            "drop": 0.295,
            "since": "2026-01-20T14:00:00Z",
            "evidence": "strong",
            "p": 0.01,
        },
    ),
}
