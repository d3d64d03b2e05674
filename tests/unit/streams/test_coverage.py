from pathlib import Path
from typing import Any

import pytest

from schemas.policy import load_policy
from schemas.workflow import Workflow
from schemas.workflow_files import load_workflows
from streams.coverage import gaps

POLICY = load_policy(None)


def workflow(event: str = "support_csat_received", **filters: Any) -> Workflow:
    step = {"id": "x", "action": "create_task", "config": {"title": "x"}}
    trigger = {"type": "event", "event": event, "filter": filters}
    return Workflow.model_validate({"workflow": "w", "version": "1", "trigger": trigger, "steps": [step]})


REST = (workflow("support_trend_declined"), workflow("support_weekly_digest"))


def test_what_ships_handles_what_the_policy_alerts_on() -> None:
    assert [sentence for sentence in gaps(POLICY, load_workflows(None)) if "rating" in sentence] == []


def test_a_kind_that_nobody_handles_is_named() -> None:
    (said,) = gaps(POLICY, [workflow(), REST[0]])
    assert said.startswith("no workflow handles weekly_digest: ")


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ({}, []),
        ({"rating": {"lte": 1}}, [2]),
        ({"rating": {"in": [2]}}, [1]),
        ({"rating": {"gt": 5}}, [1, 2]),
        ({"silent": {"eq": True}}, [1, 2]),
        ({"customer.tier": {"eq": "gold"}}, []),
        ({"and": [{"customer.tier": {"eq": "gold"}}, {"not": {"rating": {"eq": 2}}}]}, [2]),
        ({"or": [{"customer.tier": {"eq": "gold"}}, {"rating": {"eq": 1}}]}, []),
    ],
)
def test_a_rating_that_nobody_handles_is_named(asked: dict[str, Any], missing: list[int]) -> None:
    found = list(gaps(POLICY, [workflow(**asked), *REST]))
    assert [f"a rating of {rating}," in sentence for rating, sentence in zip(missing, found, strict=True)] == [
        True
    ] * len(missing)


def test_two_workflows_share_the_ratings() -> None:
    assert list(gaps(POLICY, [workflow(rating={"eq": 1}), workflow(rating={"eq": 2}), *REST])) == []


def test_a_filter_that_no_trend_passes_is_named(tmp_path: Path) -> None:
    (said,) = gaps(POLICY, [workflow(), workflow("support_trend_declined", silent={"eq": True}), REST[1]])
    assert said.startswith("no workflow can handle declining_trend")
