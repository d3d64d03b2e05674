"""The published JSON Schemas say what is on the topics: the whole sample, and all that the detector makes of it."""

import json
from datetime import UTC, datetime
from functools import cache

import pytest
from jsonschema import Draft202012Validator

from schemas.alert import Kind, Status
from schemas.export import documents, schema
from schemas.policy import load_policy
from streams import sample
from streams.memory import MemoryStates
from streams.pipeline import Pipeline
from streams.records import Outcome
from tests.integration.docs.blocks import ROOT
from tests.memory import Record

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _validator(topic: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema(topic))
    return Draft202012Validator(schema(topic))


@cache
def _sample() -> sample.Sample:
    return sample.generate(now=NOW)


@cache
def _detected() -> Outcome:
    made = [
        Record(offset, int(NOW.timestamp() * 1000), each.value, (each.key or "").encode())
        for offset, each in enumerate(_sample().records)
    ]
    accounts = {customer.customer_id: customer for customer in _sample().customers[::2]}
    return Pipeline(load_policy(None), 1).process(made, 0, MemoryStates(), accounts, NOW)


def test_the_published_files_are_those_of_the_models() -> None:
    published = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "schemas").iterdir()}
    assert published == documents()


@pytest.mark.parametrize("text", documents().values(), ids=documents())
def test_each_file_is_what_the_dialect_calls_a_schema(text: str) -> None:
    Draft202012Validator.check_schema(json.loads(text))


def test_each_alert_that_is_raised_is_valid() -> None:
    outcome = _detected()
    alerts = [json.loads(raised.value) for raised in outcome.raised]
    validator = _validator("alerts")

    assert {Kind(alert["kind"]) for alert in alerts} == {Kind.POOR_RATING, Kind.DECLINING_TREND}
    assert {Status.FIRING, Status.RETRACTED} <= {Status(alert["status"]) for alert in alerts}
    assert {"customer" in alert for alert in alerts} == {True, False}
    assert [error.message for alert in alerts for error in validator.iter_errors(alert)] == []


@pytest.mark.parametrize("change", [{"rating": 6}, {"severity": "terrible"}, {"revision": 0}, {"schema": 2}])
def test_an_alert_that_is_none_is_not(change: dict[str, object]) -> None:
    outcome = _detected()
    alert = json.loads(outcome.raised[0].value)
    assert _validator("alerts").is_valid(alert)
    assert not _validator("alerts").is_valid(alert | change)


def test_the_sample_is_valid_but_for_what_becomes_a_dead_letter() -> None:
    outcome = _detected()
    validator = _validator("csat-events")
    refused = {bytes(each.record.value or b"") for each in outcome.refused}
    assert refused
    for each in _sample().records:
        if each.value not in refused:
            validator.validate(json.loads(each.value))
        elif each.value.startswith(b"{"):
            assert not _is_valid(validator, each.value)


def test_each_account_is_valid() -> None:
    validator = _validator("customers")
    for customer in _sample().customers:
        validator.validate(json.loads(customer.to_json()))


def _is_valid(validator: Draft202012Validator, value: bytes) -> bool:
    try:
        return validator.is_valid(json.loads(value))
    except json.JSONDecodeError:
        return False
