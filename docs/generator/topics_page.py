"""The page of topics and their records."""

import json
from collections.abc import Iterator

from agents.asyncapi import asyncapi
from agents.settings import Settings
from docs.generator.schema_tables import Node, cell, objects, section, table, value
from schemas.export import schema
from streams.topology import DEAD_LETTERS, TOPICS

_INTRO = """\
# Topics and their records

Values are JSON in UTF-8, keyed by `customer_id` with Kafka's own partitioner, murmur2. Times are RFC 3339 with an
offset. Unknown fields are no error, and a field without a value may be absent or null. `CSATWATCH_TOPIC_PREFIX` stands
before each name.

The same for programs: an [AsyncAPI document](../asyncapi.json), which `csatwatch topics asyncapi` prints for your
names, and a JSON Schema a topic. A schema changes only so that what was written against it goes on: each change is held
against what was released.
"""


def topics() -> Iterator[str]:
    """Every topic, who writes and reads it, and its records."""
    yield _INTRO
    document = asyncapi(Settings())
    parts: dict[str, tuple[Node, Node]] = {}
    for topic in TOPICS:
        yield from _topic(document["channels"][topic.name], topic.name)
        if topic.name != DEAD_LETTERS:
            described = schema(topic.name)
            yield from _records(described)
            parts.update({name: (described, node) for name, node in objects(described).items()})
    yield "## Parts of records\n"
    for name, (whole, node) in sorted(parts.items()):
        yield from section(whole, name, node, level=3, always="always")


def _topic(channel: Node, name: str) -> Iterator[str]:
    yield f"## {name}\n\n**{channel['title']}.** {channel['description']}\n"
    kept = channel["bindings"]["kafka"]["topicConfiguration"]
    days = f"Kept for {kept['retention.ms'] // 86_400_000} days." if "retention.ms" in kept else "Compacted."
    yield f"{days} Read by {_READ[name]}; written by {_WRITTEN[name]}.\n"
    message = channel["messages"]["record"]
    if "headers" in message:
        yield f"Headers: {message['headers']['description']}\n\n| header | |\n|---|---|"
        yield from (f"| `{h}` | {cell(node['description'])} |" for h, node in message["headers"]["properties"].items())
        yield ""
    for example in message.get("examples", ()):
        yield f"```json\n{json.dumps(example['payload'], indent=2, ensure_ascii=False)}\n```\n"


_READ = {
    "csat-events": "`detect` and `store`",
    "customers": "`detect` and `store`",
    "alerts": "`deliver`, and [whoever subscribes](../how-to-subscribe.md)",
    "csat-trends": "`deliver`, and whoever subscribes",
    "csm-actions": "`deliver`, and whoever subscribes",
    "csat-events-dead-letter": "`csatwatch dead-letters` and the operators' page",
}
_WRITTEN = {
    "csat-events": "your systems, by any Kafka client, `csatwatch publish`, or a webhook",
    "customers": "your CRM, or `csatwatch customers import`",
    "alerts": "`detect`; weekly digests by `deliver`",
    "csat-trends": "`detect`",
    "csm-actions": "`web` (requests) and `deliver` (results)",
    "csat-events-dead-letter": "`detect`",
}


def _records(described: Node) -> Iterator[str]:
    yield f"Schema: [{described['$id'].split(':')[2]}.json](../schemas/{described['$id'].split(':')[2]}.json). "
    if "properties" in described:
        yield "\n" + "\n".join(table(described, described, always="always")) + "\n"
    else:
        yield f"A record is one of: {value(described, described)}.\n"
