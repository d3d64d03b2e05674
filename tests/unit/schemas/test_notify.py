"""How people are told, as it stands in a policy file."""

from datetime import date, time

import pytest

from schemas.notify import Notify
from schemas.policy import Policy, load_policy
from schemas.yaml_file import BadFile, parse


def test_a_clock_is_read_with_and_without_quotes() -> None:
    """YAML 1.1 takes an unquoted 20:00 for a number to the base of 60, and 07:00 for text."""
    told = parse(Notify, "quiet_hours: {from: 20:00, to: 07:00}\nbusiness_hours: {from: '09:30', to: 17:45}", "x")
    assert told.quiet_hours is not None
    assert (told.quiet_hours.start, told.quiet_hours.end) == (time(20), time(7))
    assert (told.business_hours.start, told.business_hours.end) == (time(9, 30), time(17, 45))


def test_an_absence_is_in_whole_days() -> None:
    (away,) = parse(Notify, "away: [{csm: ana@example.com, from: 2026-08-03, until: 2026-08-14}]", "x").away
    assert (away.first, away.last) == (date(2026, 8, 3), date(2026, 8, 14))


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("quiet_hours: {from: '20:00', to: '20:00'}", "it would never end"),
        ("quiet_hours: {from: '20:00+02:00', to: '07:00'}", "without an offset"),
        ("quiet_hours: {from: 25:00, to: '07:00'}", "x:1: quiet_hours.from"),
        ("quiet_hours: {days: [], from: '20:00', to: '07:00'}", "quiet_hours.days"),
        ("quiet_hours: {days: [someday], from: '20:00', to: '07:00'}", "quiet_hours.days"),
        ("away: [{csm: ana@example.com, from: 2026-08-14, until: 2026-08-03}]", "turn them round"),
        ("away: [{csm: ana, from: 2026-08-03, until: 2026-08-14}]", "away.0.csm"),
        ("escalation: {severities: [urgent]}", "escalation.severities"),
        ("escalation: {otherwise: {backup: 0}}", "escalation.otherwise.backup"),
        ("repeat_interval_minutes: 1", "repeat_interval_minutes"),
        ("group_weight_minutes: 1", "x:1: group_weight_minutes: is not a field here"),
    ],
)
def test_a_mistake_is_said_by_its_place(text: str, mistake: str) -> None:
    with pytest.raises(BadFile) as bad:
        parse(Notify, text, "x")
    assert mistake in str(bad.value)


def test_timers_are_by_the_policys_own_bands() -> None:
    shipped = load_policy(None).model_dump(by_alias=True)
    shipped["notify"]["escalation"]["after"]["huge"] = {"backup": 1, "manager": 2}
    with pytest.raises(ValueError, match="is no band: it must be one of enterprise, mid, small, unknown"):
        Policy.model_validate(shipped)
