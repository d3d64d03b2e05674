"""The topics and their records as an AsyncAPI 3 document, for whoever publishes, subscribes or generates code."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from agents.record_examples import EXAMPLES
from agents.settings import Settings
from schemas.alert import SCHEMA_VERSION
from schemas.export import schema
from streams.topology import (
    ACTIONS,
    ALERTS,
    CUSTOMERS,
    DEAD_LETTERS,
    EVENTS,
    HEADER_BACKFILL,
    TOPICS,
    TRENDS,
    Topic,
)
from streams.validate import Invalid

_FORMAT = "application/schema+json;version=draft-2020-12"


class _About(NamedTuple):
    title: str
    text: str


_ABOUT: Mapping[str, _About] = {
    EVENTS: _About(
        "What happened in support",
        "Ratings, closed and escalated tickets, erasures. A later answer to the same survey replaces the earlier one; "
        "the same event_id twice changes nothing. A record that is none of these goes to the dead letters. A "
        "CloudEvent is taken as well, in Kafka's binary mode, or in structured mode with the event in data.",
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
        "What is done to csatwatch itself is about no alert: its alert_id and customer_id are all zeros.",
    ),
    DEAD_LETTERS: _About(
        "Records that are no events",
        "The original key, value and headers. Headers beginning with csatwatch- say why, and where it came from.",
    ),
}
_HEADERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    EVENTS: (
        "None is needed. A CloudEvent in structured mode has the content-type application/cloudevents+json.",
        {
            "ce_specversion": "1.0, in binary mode; what follows is not looked at, as the event says all of it itself",
            "ce_id": "event_id",
            "ce_source": "who says it",
            "ce_type": "event_type",
            "ce_time": "when it happened",
            HEADER_BACKFILL: "1: history, which alerts nobody",
        },
    ),
    ALERTS: (
        "CloudEvents 1.0 in binary mode.",
        {
            "ce_specversion": "1.0",
            "ce_id": "the alert's id and revision",
            "ce_source": "csatwatch/detect, of a weekly digest csatwatch/deliver",
            "ce_type": "csatwatch.alert, its kind and status",
            "ce_time": "when it was detected",
        },
    ),
    DEAD_LETTERS: (
        "The record's own, and these.",
        {
            "csatwatch-error": "one of " + ", ".join(Invalid),
            "csatwatch-message": "the field, its value and the fix, without a customer's words",
            "csatwatch-topic": "where the record stood",
            "csatwatch-partition": "the same",
            "csatwatch-offset": "the same",
            "csatwatch-original-bytes": "only where the record was too large to be kept: its size",
        },
    ),
}
_RECEIVED = (EVENTS, CUSTOMERS, ACTIONS)
_SENT = (ALERTS, TRENDS, ACTIONS, DEAD_LETTERS)


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
        "servers": {"kafka": {"host": ",".join(settings.bootstrap), "protocol": _protocol(settings)}},
        "channels": {topic.name: _channel(topic, settings) for topic in TOPICS},
        "operations": {
            **{f"receive-{name}": _operation("receive", name) for name in _RECEIVED},
            **{f"send-{name}": _operation("send", name) for name in _SENT},
        },
    }


def _protocol(settings: Settings) -> str:
    return "kafka-secure" if "SSL" in settings.kafka_security_protocol else "kafka"


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
    if name in _HEADERS:
        message["headers"] = _headers(*_HEADERS[name])
    if name == DEAD_LETTERS:
        del message["bindings"]["kafka"]["key"]
        return message | {"contentType": "application/octet-stream"}
    message["payload"] = {"schemaFormat": _FORMAT, "schema": schema(name)}
    if name in EXAMPLES:
        message["examples"] = [{"payload": dict(example)} for example in EXAMPLES[name]]
    return message


def _headers(description: str, said: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": {name: {"type": "string", "description": text} for name, text in said.items()},
    }


def _operation(action: str, name: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{name}"}, "summary": _ABOUT[name].title}
