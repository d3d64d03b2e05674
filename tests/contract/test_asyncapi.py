"""Is our AsyncAPI document what the specification's own schema says, and are its examples records?"""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from agents.asyncapi import asyncapi
from agents.record_examples import EXAMPLES
from agents.settings import Settings
from schemas.export import schema
from streams.topology import DEAD_LETTERS, TOPICS

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def official(node: Path) -> Draft7Validator:
    text = (node / "node_modules/@asyncapi/specs/schemas/3.0.0.json").read_text(encoding="utf-8")
    return Draft7Validator(json.loads(text))


def test_the_specifications_schema_takes_it(official: Draft7Validator) -> None:
    brokers = "kafka://a.example:9093,b.example:9093"
    settings = Settings(kafka_url=brokers, kafka_security_protocol="SASL_SSL", topic_prefix="acme.", partitions=3)
    document = asyncapi(settings)
    assert [(error.json_path, error.message) for error in official.iter_errors(document)] == []
    assert document["servers"]["kafka"] == {"host": "a.example:9093,b.example:9093", "protocol": "kafka-secure"}
    assert {channel["address"] for channel in document["channels"].values()} == {f"acme.{t.name}" for t in TOPICS}


@pytest.mark.parametrize(
    ("path", "wrong"),
    [(("info", "version"), None), (("operations", "send-alerts", "action"), "publish"), (("channels",), [])],
)
def test_what_is_wrong_is_refused(official: Draft7Validator, path: tuple[str, ...], wrong: object) -> None:
    """Shows that the test above can fail."""
    document = asyncapi(Settings())
    part: dict[str, Any] = document
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = wrong
    assert not official.is_valid(document)


def test_each_example_is_a_record() -> None:
    for topic, examples in EXAMPLES.items():
        for example in examples:
            Draft202012Validator(schema(topic)).validate(example)


def test_each_kind_of_record_has_an_example() -> None:
    assert EXAMPLES.keys() == {topic.name for topic in TOPICS} - {DEAD_LETTERS}
    for topic, examples in EXAMPLES.items():
        described = schema(topic)
        for each in described.get("oneOf", ()):
            one = Draft202012Validator({**each, "$defs": described["$defs"]})
            assert any(one.is_valid(example) for example in examples), each


def test_the_published_one_is_that_of_the_models() -> None:
    published = json.loads((_ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
    assert published == asyncapi(Settings())
