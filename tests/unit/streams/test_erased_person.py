"""A person who is erased: what they said is in no further record, the window and the others stay."""

import json
from datetime import timedelta
from typing import Any

import pytest

from schemas.customer import Customer
from schemas.policy import load_policy
from streams.pipeline import Pipeline
from tests.memory import ACME, NOW, KeptStates, answer, records

_ACCOUNT = Customer.model_validate({"customer_id": ACME, "name": "Acme", "arr": 500_000, "currency": "USD"})
_ADA = {"id": "u-1", "name": "Ada", "email": "Ada@acme.example"}
_BOB = {"id": "u-2", "name": "Bob", "email": "bob@acme.example"}


def _said(number: int, contact: dict[str, str]) -> dict[str, Any]:
    poor = answer(1, NOW - timedelta(hours=number))
    return poor | {"contact": contact, "feedback": f"words of {contact['name']}"}


def _after(erased: dict[str, str] | None) -> tuple[str, int]:
    """What is published when the account becomes known after the erasure, and how many answers are left."""
    pipeline, states = Pipeline(load_policy(None), 1), KeptStates()
    erasure = {"event_type": "support_customer_erased", "event_id": "x", "customer_id": ACME}
    events = [_said(3, _ADA), _said(2, _BOB), erasure | ({"contact": erased} if erased is not None else {})]
    pipeline.process(records(events), 0, states, {}, NOW)
    found = pipeline.account_arrived(_ACCOUNT, states, NOW)
    return json.dumps([json.loads(value) for _, value in found]), len(states.take(ACME).answers)


@pytest.mark.parametrize(
    "by", [{"id": "u-1"}, {"email": "ADA@acme.example"}, {"id": "none", "email": "ada@acme.example"}]
)
def test_only_what_the_person_said_is_forgotten(by: dict[str, str]) -> None:
    told, left = _after(by)
    assert "words of Bob" in told
    assert "words of Ada" not in told
    assert "Ada@acme.example" not in told
    assert left == 2, "the ratings count as before"


def test_another_person_changes_nothing() -> None:
    told, left = _after({"id": "u-3"})
    assert "words of Bob" in told
    assert "words of Ada" in told
    assert left == 2


def test_the_customer_as_a_whole_is_forgotten_with_the_ratings() -> None:
    assert _after(None) == ("[]", 0)
