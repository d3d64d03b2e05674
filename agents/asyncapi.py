"""The topics and their records as an AsyncAPI 3 document, for whoever publishes, subscribes or generates code."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agents.settings import Settings
from schemas.alert import SCHEMA_VERSION
from schemas.export import schema
from streams.topology import ACTIONS, ALERTS, CUSTOMERS, DEAD_LETTERS, EVENTS, TOPICS, TRENDS, Topic

_FORMAT = "application/schema+json;version=draft-2020-12"
_CUSTOMER = "6f1a2b3c-0d4e-4f50-8a61-728394a5b6c7"
_ANSWER = "9c8b7a65-4f3e-4d2c-9b1a-0f1e2d3c4b5a"
_CONTACT = {"name": "Dana Fox", "email": "dana.fox@globaltech.example"}


class _About(NamedTuple):
    title: str
    text: str


_ABOUT: Mapping[str, _About] = {
    EVENTS: _About(
        "What happened in support",
        "Ratings, closed and escalated tickets, erasures. A later answer to the same survey replaces the earlier one; "
        "the same event_id twice changes nothing. A record that is none of these goes to the dead letters.",
    ),
    CUSTOMERS: _About(
        "Accounts", "The newest record of a customer counts; a record without a value deletes the account."
    ),
    ALERTS: _About(
        "Changes of an alert's state",
        "One alert_id throughout an alert's life, with rising revisions. After a crash the same revision may come "
        "again: keep the first. Read unknown fields as if they were not there.",
    ),
    TRENDS: _About(
        "Each customer's trend", "The newest record of a customer counts; one without a value: it was erased."
    ),
    ACTIONS: _About(
        "What people do with alerts",
        "Requests from Slack and the pages, and results, which name their request. The same action_id twice is one. "
        "What is done to csatwatch itself is about no alert: such a record is keyed by who did it.",
    ),
    DEAD_LETTERS: _About(
        "Records that are no events",
        "The original key, value and headers. Headers beginning with csatwatch- say why, and where it came from.",
    ),
}
_RECEIVED = (EVENTS, CUSTOMERS, ACTIONS)
_SENT = (ALERTS, TRENDS, ACTIONS, DEAD_LETTERS)

EXAMPLES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    EVENTS: (
        {
            "event_type": "support_csat_received",
            "event_id": "zendesk-8841",
            "customer_id": _CUSTOMER,
            "ticket_id": "TKT-2026-4521",
            "ticket_subject": "API returning 500 errors intermittently",
            "ticket_category": "Technical Issue",
            "rating": 1,
            "feedback": "Took too long to get a response.",
            "resolution_time_hours": 72,
            "sla_hours": 24,
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
    CUSTOMERS: (
        {
            "customer_id": _CUSTOMER,
            "name": "GlobalTech",
            "arr": 175000,
            "currency": "USD",
            "csm": {"name": "Maria Santos", "email": "maria.santos@vendor.example"},
            "primary_contact": _CONTACT,
            "renewal_at": "2026-12-31T00:00:00Z",
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
        {
            "action_id": "5a0c3b1e-7d2f-4c68-9b0a-1e2d3c4b5a69",
            "kind": "signed_out",
            "by": "maria.santos@vendor.example",
            "at": "2026-03-02T17:05:00Z",
            "session": "0b6e0b5f8f6f1d0c7c4e9a3d2b1a0f9e8d7c6b5a49382716f5e4d3c2b1a09f8e",
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


def asyncapi(settings: Settings) -> dict[str, Any]:
    """The document (AsyncAPI 3.0.0) of this installation's topics."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "csatwatch",
            "version": str(SCHEMA_VERSION),
            "description": (
                "Ratings of support in, alerts out. Values are JSON in UTF-8, keyed by customer_id with Kafka's "
                "default partitioner, murmur2. Times are RFC 3339 with an offset. Unknown fields are no error."
            ),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, settings) for topic in TOPICS},
        "operations": {
            **{f"receive-{name}": _operation("receive", name) for name in _RECEIVED},
            **{f"send-{name}": _operation("send", name) for name in _SENT},
        },
    }


def _channel(topic: Topic, settings: Settings) -> dict[str, Any]:
    about = _ABOUT[topic.name]
    return {
        "address": settings.topic(topic.name),
        "title": about.title,
        "description": about.text,
        "messages": {"record": _message(topic.name)},
        "bindings": {
            "kafka": {
                "topic": settings.topic(topic.name),
                "partitions": settings.partitions,
                "replicas": settings.replication,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": "0.5.0",
            }
        },
    }


def _configuration(topic: Topic) -> dict[str, Any]:
    kept = topic.settings()
    whole: dict[str, Any] = {name: int(kept[name]) for name in ("retention.ms", "max.message.bytes") if name in kept}
    return {"cleanup.policy": [kept["cleanup.policy"]], **whole}


def _message(name: str) -> dict[str, Any]:
    key = {"type": "string", "description": "customer_id; of a weekly digest the CSM's e-mail"}
    message: dict[str, Any] = {"bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}}}
    if name == DEAD_LETTERS:
        del message["bindings"]["kafka"]["key"]
        return message | {"contentType": "application/octet-stream"}
    message["payload"] = {"schemaFormat": _FORMAT, "schema": schema(name)}
    if name in EXAMPLES:
        message["examples"] = [{"payload": dict(example)} for example in EXAMPLES[name]]
    if name == ALERTS:
        message["headers"] = _cloud_event()
    return message


def _cloud_event() -> dict[str, Any]:
    said = {
        "ce_specversion": "1.0",
        "ce_id": "the alert's id and revision",
        "ce_source": "csatwatch/detect",
        "ce_type": "csatwatch.alert, its kind and status",
        "ce_time": "when it was detected",
    }
    return {
        "type": "object",
        "description": "CloudEvents 1.0 in Kafka's binary mode. Accepted on csat-events as well, and never required.",
        "properties": {name: {"type": "string", "description": text} for name, text in said.items()},
    }


def _operation(action: str, name: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{name}"}, "summary": _ABOUT[name].title}
