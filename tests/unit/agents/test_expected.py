from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agents.embedded.expected import Expected, Found, compare, expect
from agents.embedded.planted import astray
from agents.workflows import workflows
from schemas.alert import Alert, Kind, Severity, Status
from schemas.delivery import LedgerRow, State
from schemas.policy import load_policy
from streams.sample import Sample, generate

_NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(now=_NOW, customers=20, events=300)


@pytest.fixture(scope="module")
def expected(sample: Sample) -> Expected:
    return expect(sample.records, sample.customers, load_policy(None), workflows(None), partitions=4, now=_NOW)


@pytest.fixture
def found(expected: Expected) -> Found:
    """All as it should be."""
    steps = {
        key: LedgerRow(key[1], State.DONE, shown_revision=expected.alerts[key[0]].revision) for key in expected.owed
    }
    return Found(expected.alerts, steps, expected.refused)


def _owed(expected: Expected) -> tuple[str, str]:
    return min(expected.owed)


def _changed(found: Found, alert_id: str, **changes: object) -> Found:
    return replace(found, alerts={**found.alerts, alert_id: found.alerts[alert_id].model_copy(update=changes)})


def test_all_as_expected_is_no_difference(expected: Expected, found: Found, sample: Sample) -> None:
    assert expected.owed
    assert expected.passing
    assert not compare(expected, found)
    assert not astray(sample.planted, found)


def test_the_number_of_partitions_changes_nothing(expected: Expected, sample: Sample) -> None:
    alone = expect(sample.records, sample.customers, load_policy(None), workflows(None), partitions=1, now=_NOW)
    assert (alone.alerts, alone.owed, alone.passing) == (expected.alerts, expected.owed, expected.passing)
    assert sorted(alone.refused) == sorted(expected.refused)


def test_nothing_came_is_all_lost(expected: Expected, sample: Sample) -> None:
    nothing = Found({}, {}, [])
    difference = compare(expected, nothing)
    assert len(difference.lost) == len(expected.alerts) + len(expected.owed) + len(expected.refused)
    assert not difference.extra
    assert len(astray(sample.planted, nothing)) == 6 + len(sample.planted.declining) + len(sample.planted.poison)


def test_a_missing_alert_is_lost(expected: Expected, found: Found) -> None:
    alert_id, _ = _owed(expected)
    left = {key: alert for key, alert in found.alerts.items() if key != alert_id}
    (line,) = compare(expected, replace(found, alerts=left)).lost
    assert alert_id in line
    assert "not on the topic" in line


def test_an_alert_at_another_revision_is_lost(expected: Expected, found: Found) -> None:
    alert_id = next(key for key, alert in expected.alerts.items() if alert.status is Status.RETRACTED)
    (line,) = compare(expected, _changed(found, alert_id, revision=1, status=Status.FIRING)).lost
    assert "is firing (revision 1), expected retracted (revision 2)" in line


def test_an_alert_that_says_something_else_is_lost(expected: Expected, found: Found) -> None:
    alert_id = next(key for key, alert in expected.alerts.items() if alert.severity is not Severity.LOW)
    (line,) = compare(expected, _changed(found, alert_id, severity=Severity.LOW)).lost
    assert "says something else in severity" in line


def test_when_it_was_detected_does_not_matter(expected: Expected, found: Found) -> None:
    alert_id = next(iter(expected.alerts))
    assert not compare(expected, _changed(found, alert_id, detected_at=datetime(2027, 1, 1, tzinfo=UTC)))


def test_an_alert_that_nobody_expects_is_extra(expected: Expected, found: Found) -> None:
    alert_id, _ = _owed(expected)
    other = "00000000-0000-5000-8000-000000000000"
    difference = compare(expected, replace(found, alerts={**found.alerts, other: found.alerts[alert_id]}))
    assert not difference.lost
    assert len(difference.extra) == 1


@pytest.mark.parametrize(
    "row",
    [
        None,
        LedgerRow("step", State.DUE),
        LedgerRow("step", State.CLAIMED),
        LedgerRow("step", State.FAILED),
        LedgerRow("step", State.CANCELLED),
        LedgerRow("step", State.DONE, shown_revision=0),
    ],
)
def test_a_step_that_is_not_done_at_the_last_revision_is_lost(
    expected: Expected, found: Found, row: LedgerRow | None
) -> None:
    key = _owed(expected)
    steps = {other: each for other, each in found.steps.items() if other != key} | ({key: row} if row else {})
    difference = compare(expected, replace(found, steps=steps))
    assert len(difference.lost) == 1
    assert not difference.extra


def test_a_step_that_nobody_asked_for_is_extra(expected: Expected, found: Found) -> None:
    silent = next(key for key, alert in expected.alerts.items() if alert.silent)
    steps = {**found.steps, (silent, "some/step"): LedgerRow("some/step", State.DONE, shown_revision=1)}
    difference = compare(expected, replace(found, steps=steps))
    assert not difference.lost
    assert len(difference.extra) == 1


@pytest.mark.parametrize(("state", "lost"), [(State.DONE, 0), (State.CANCELLED, 0), (State.DUE, 1), (State.FAILED, 1)])
def test_a_step_called_off_meanwhile_may_be_there_but_not_waiting(
    expected: Expected, found: Found, state: State, lost: int
) -> None:
    key = min(expected.passing)
    difference = compare(expected, replace(found, steps={**found.steps, key: LedgerRow(key[1], state)}))
    assert (len(difference.lost), len(difference.extra)) == (lost, 0)


def test_dead_letters_are_counted_by_value(expected: Expected, found: Found) -> None:
    first, second = expected.refused
    difference = compare(expected, replace(found, refused=[first, first, b"another"]))
    assert difference.lost == ("a dead letter is missing",)
    assert difference.extra == ("a dead letter",) * 2
    assert not compare(expected, replace(found, refused=[second, first]))


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("the rating of the design's own message", {"status": Status.RETRACTED}),
        ("an answer changed to a good one", {"status": Status.UPDATED}),
        ("an answer changed to a poorer one", {"rating": 2}),
        ("an answer sent twice", {"revision": 2}),
        ("an answer that came last, days late", {"silent": True}),
    ],
)
def test_a_planted_case_that_went_astray_is_named(
    found: Found, sample: Sample, case: str, changes: dict[str, object]
) -> None:
    ticket = {
        "the rating of the design's own message": sample.planted.globaltech,
        "an answer changed to a good one": sample.planted.retracted[1],
        "an answer changed to a poorer one": sample.planted.worse[1],
        "an answer sent twice": sample.planted.duplicate,
        "an answer that came last, days late": sample.planted.late,
    }[case].ticket_id
    alert_id = next(key for key, alert in found.alerts.items() if _poor(alert) and alert.ticket.ticket_id == ticket)
    (line,) = astray(sample.planted, _changed(found, alert_id, **changes))
    assert line == f"{case} ({ticket}): another alert than meant"


def _poor(alert: Alert) -> bool:
    return alert.kind is Kind.POOR_RATING
