"""To whom, where, when, and what follows."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from schemas.action import ActionKind
from schemas.alert import Alert, Kind, Routed, Severity, Status
from schemas.customer import Person
from schemas.life import HANDLED, Deed, Life
from schemas.notice import Hold, Later, Neighbour, Note, Thread, Way
from schemas.notify import Away, Daily, Escalation, Notify, Timers
from schemas.policy import Policy, load_policy
from streams.notify import Case, Channels, following, hold, way
from tests.alerts import AT, CSM, CUSTOMER, alert, trend

STEP = "support_satisfaction_response/notify_csm"
DEPUTY = Person(name="Bo Bach", email="bo@example.com")
CHANNELS = Channels(unowned="C0UNOWNED", manager="C0MANAGER", operator="C0OPERATOR")
WITH_DEPUTY = CUSTOMER.model_copy(update={"deputy": DEPUTY})
SHIPPED = load_policy(None)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
POSTED = AT - HOUR


def policy(**notify: Any) -> Policy:
    return SHIPPED.model_copy(update={"notify": Notify(**notify)})


def case(of: Alert | None = None, step: str = STEP, *, at: datetime = AT, **more: Any) -> Case:
    return Case(of or alert(), step, at, more.pop("created_at", at), **more)


def near(**changes: Any) -> Neighbour:
    """A message of another ticket of the customer, posted an hour ago."""
    fields: dict[str, Any] = {
        "kind": Kind.POOR_RATING,
        "severity": Severity.HIGH,
        "ticket_id": "another",
        "channel": "D1",
        "ts": "1.1",
        "shown_at": POSTED,
    }
    return Neighbour(**(fields | changes))


def of(severity: Severity, **more: Any) -> Alert:
    return alert(severity=severity, **more)


def acknowledged(at: datetime = AT) -> Life:
    return Life((Deed(ActionKind.ACKNOWLEDGED, "U0BO", at),))


def test_an_alert_is_for_the_csm() -> None:
    assert way(case(), SHIPPED, CHANNELS) == Way(CSM)


@pytest.mark.parametrize(
    ("day", "found"),
    [
        (datetime(2026, 5, 11, 3, tzinfo=UTC), CSM),  # still the 10th in New York
        (datetime(2026, 5, 11, 5, tzinfo=UTC), DEPUTY),
        (datetime(2026, 5, 16, 3, tzinfo=UTC), DEPUTY),
        (datetime(2026, 5, 16, 5, tzinfo=UTC), CSM),
    ],
)
def test_the_deputy_stands_in_on_the_csms_own_days(day: datetime, found: Person) -> None:
    away = Away(csm="Ana@example.com", first=datetime(2026, 5, 11).date(), last=datetime(2026, 5, 15).date())  # noqa: DTZ001 (days)
    base = policy(away=(away,))
    zones = base.digest.model_copy(update={"time_zones": {"ana@example.com": "America/New_York"}})
    told = way(case(alert(customer=WITH_DEPUTY), at=day), base.model_copy(update={"digest": zones}), CHANNELS)
    assert told is not None
    assert told.person == found
    assert told.stands_in == (found is DEPUTY)
    assert told.note == (Note("for_csm_away", {"csm": "Ana Diaz", "until": "2026-05-15"}) if found is DEPUTY else None)


def test_the_absence_can_name_its_own_deputy() -> None:
    day = AT.date()
    somebody = Person(name="Cleo", email="cleo@example.com")
    told = way(
        case(alert(customer=WITH_DEPUTY)),
        policy(away=(Away(csm=CSM.email, first=day, last=day, deputy=somebody),)),
        CHANNELS,
    )
    assert told is not None
    assert told.person == somebody


def test_without_anybody_to_stand_in_the_csm_is_told() -> None:
    day = AT.date()
    assert way(case(), policy(away=(Away(csm=CSM.email, first=day, last=day),)), CHANNELS) == Way(CSM)


@pytest.mark.parametrize("customer", [None, CUSTOMER.model_copy(update={"csm": None})])
def test_a_customer_without_a_csm_goes_to_the_queue_of_the_unowned(customer: Any) -> None:
    assert way(case(alert(customer=customer)), SHIPPED, CHANNELS) == Way(channel="C0UNOWNED")
    assert way(case(alert(customer=customer)), SHIPPED, Channels()) == Way()


def test_the_policy_can_send_a_severity_to_a_channel() -> None:
    routed = alert(route=Routed(to="channel", channel="C0TEAM"))
    assert way(case(routed), SHIPPED, CHANNELS) == Way(channel="C0TEAM", note=Note("for_csm", {"csm": "Ana Diaz"}))


def test_a_further_alert_goes_below_the_standing_message() -> None:
    told = way(case(neighbours=[near()]), SHIPPED, CHANNELS)
    assert told == Way(CSM, thread=Thread("D1", "1.1", broadcast=True))


@pytest.mark.parametrize(
    ("severity", "root", "broadcast"),
    [
        (Severity.CRITICAL, Severity.CRITICAL, True),
        (Severity.HIGH, Severity.CRITICAL, True),
        (Severity.MEDIUM, Severity.LOW, True),
        (Severity.MEDIUM, Severity.MEDIUM, False),
        (Severity.LOW, Severity.HIGH, False),
    ],
)
def test_what_is_severe_is_shown_in_the_channel_too(severity: Severity, root: Severity, broadcast: bool) -> None:
    told = way(case(of(severity), neighbours=[near(severity=root)]), SHIPPED, CHANNELS)
    assert told is not None
    assert told.thread == Thread("D1", "1.1", broadcast)


@pytest.mark.parametrize(
    "unfit",
    [
        near(ts=None),
        near(handled=True),
        near(shown_at=AT - 4 * HOUR - MINUTE),
    ],
    ids=["not shown yet", "in hand", "too long ago"],
)
def test_otherwise_it_is_a_message_of_its_own(unfit: Neighbour) -> None:
    assert way(case(neighbours=[unfit]), SHIPPED, CHANNELS) == Way(CSM)


def test_a_trend_goes_below_a_fresh_poor_rating_for_longer() -> None:
    yesterday = near(shown_at=AT - 23 * HOUR)
    below = way(case(trend(), neighbours=[yesterday]), SHIPPED, CHANNELS)
    assert below is not None
    assert below.thread is not None
    assert way(case(trend(), neighbours=[near(shown_at=AT - 25 * HOUR)]), SHIPPED, CHANNELS) == Way(CSM)
    assert way(case(trend(), neighbours=[near(handled=True)]), SHIPPED, CHANNELS) == Way(CSM)


def test_another_answer_on_the_ticket_goes_below_its_message_even_when_that_is_in_hand() -> None:
    same = near(ticket_id="TKT-2026-4521", ts="0.5", shown_at=AT - 6 * 24 * HOUR, handled=True)
    told = way(case(neighbours=[near(), same]), SHIPPED, CHANNELS)
    assert told is not None
    assert told.thread is not None
    assert told.thread.ts == "0.5"


def test_nothing_is_held_by_default() -> None:
    for severity in Severity:
        assert hold(case(of(severity)), SHIPPED) is None


NIGHT = {"quiet_hours": Daily(start=time(20), end=time(7))}
EVENING = datetime(2026, 5, 12, 21, 0, tzinfo=UTC)


def test_quiet_hours_hold_back_all_but_critical() -> None:
    morning = datetime(2026, 5, 13, 7, tzinfo=UTC)
    for severity in (Severity.HIGH, Severity.MEDIUM, Severity.LOW):
        assert hold(case(of(severity), at=EVENING), policy(**NIGHT)) == Hold(
            morning, "quiet hours until 2026-05-13 07:00 UTC"
        )
    assert hold(case(of(Severity.CRITICAL), at=EVENING), policy(**NIGHT)) is None
    assert hold(case(of(Severity.LOW), at=morning), policy(**NIGHT)) is None


@pytest.mark.parametrize(
    ("zone", "until"),
    [
        ("America/New_York", None),
        ("Asia/Tokyo", datetime(2026, 5, 12, 22, tzinfo=UTC)),
        ("Nowhere/Land", datetime(2026, 5, 13, 7, tzinfo=UTC)),
    ],
)
def test_quiet_hours_are_by_the_accounts_clock_where_the_csms_is_not_known(zone: str, until: datetime | None) -> None:
    there = of(Severity.HIGH, customer=CUSTOMER.model_copy(update={"time_zone": zone}))
    held = hold(case(there, at=EVENING), policy(**NIGHT))
    assert (held.until if held else None) == until


def test_word_to_the_operator_waits_for_no_hours() -> None:
    assert hold(case(of(Severity.LOW), f"{STEP}#operator", at=EVENING), policy(**NIGHT)) is None
    assert hold(case(of(Severity.HIGH), f"{STEP}#backup", at=EVENING), policy(**NIGHT)) is not None


def test_a_snooze_holds_back_all_but_critical() -> None:
    until = AT + 4 * HOUR
    snoozed = Life(snoozed_until=until, snoozed_by="U0ANA")
    assert hold(case(of(Severity.HIGH), f"{STEP}#backup", life=snoozed), SHIPPED) == Hold(
        until, "snoozed until 2026-05-12 13:30 UTC"
    )
    assert hold(case(of(Severity.CRITICAL), f"{STEP}#backup", life=snoozed), SHIPPED) is None
    assert hold(case(of(Severity.HIGH), f"{STEP}#backup", life=snoozed, at=until), SHIPPED) is None


def test_what_would_go_below_a_snoozed_message_waits_with_it() -> None:
    until = AT + HOUR
    asleep = near(snoozed_until=until)
    held = hold(case(of(Severity.HIGH), neighbours=[asleep]), SHIPPED)
    assert held is not None
    assert held.until == until
    assert hold(case(of(Severity.CRITICAL), neighbours=[asleep]), SHIPPED) is None


def test_the_first_alert_waits_for_others_as_long_as_the_policy_says() -> None:
    waiting = policy(group_wait_minutes=5)
    fresh = case(of(Severity.HIGH), created_at=AT - 2 * MINUTE)
    assert hold(fresh, waiting) == Hold(AT + 3 * MINUTE, "waits for other alerts of the customer")
    assert hold(case(of(Severity.HIGH), created_at=AT - 5 * MINUTE), waiting) is None
    assert hold(case(of(Severity.HIGH), created_at=AT, neighbours=[near()]), waiting) is None, "a message stands"
    assert hold(case(of(Severity.CRITICAL), created_at=AT), waiting) is None


def test_a_trend_waits_a_moment_for_the_poor_rating_of_the_same_event() -> None:
    coming = near(ts=None, channel=None, shown_at=None)
    assert hold(case(trend(), neighbours=[coming]), SHIPPED) is not None
    assert hold(case(trend(), created_at=AT - MINUTE, neighbours=[coming]), SHIPPED) is None
    assert hold(case(of(Severity.HIGH), neighbours=[coming]), SHIPPED) is None


def steps(found: Case, used: Policy = SHIPPED, channels: Channels = CHANNELS) -> dict[str, Later]:
    return {later.step.partition("#")[2]: later for later in following(found, used, channels)}


def test_who_does_not_answer_is_backed_up_and_then_the_manager_hears() -> None:
    """Enterprise, 2 and 4 business hours after a tuesday's 9:30."""
    after = steps(case(alert(customer=WITH_DEPUTY)))
    assert after == {
        "backup": Later(f"{STEP}#backup", AT + 2 * HOUR, DEPUTY.email, HANDLED),
        "manager": Later(f"{STEP}#manager", AT + 4 * HOUR, "C0MANAGER", HANDLED),
    }


def test_timers_depend_on_the_revenue_and_run_in_business_hours() -> None:
    small = WITH_DEPUTY.model_copy(update={"arr": 1000.0})
    after = steps(case(of(Severity.HIGH, customer=small), at=EVENING))
    assert after["backup"].due_at == datetime(2026, 5, 13, 17, tzinfo=UTC)
    assert after["manager"].due_at == datetime(2026, 5, 14, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "quiet",
    [
        case(of(Severity.MEDIUM, customer=WITH_DEPUTY)),
        case(alert(customer=WITH_DEPUTY), life=acknowledged()),
        case(alert(customer=WITH_DEPUTY, status=Status.RETRACTED)),
        case(alert(customer=WITH_DEPUTY), f"{STEP}#backup"),
    ],
    ids=["not severe", "in hand", "over", "escalated already"],
)
def test_nothing_follows(quiet: Case) -> None:
    assert steps(quiet) == {}


def test_nobody_is_escalated_to_whom_nobody_named() -> None:
    assert steps(case(), channels=Channels()) == {}
    none = policy(escalation=Escalation(otherwise=Timers(backup=None, manager=None)))
    assert steps(case(alert(customer=WITH_DEPUTY)), none) == {}


def test_a_deputy_who_stands_in_is_no_backup() -> None:
    day = AT.date()
    away = policy(away=(Away(csm=CSM.email, first=day, last=day),))
    assert set(steps(case(alert(customer=WITH_DEPUTY)), away)) == {"manager"}


def test_the_end_of_a_snooze_is_said() -> None:
    until = AT + 4 * HOUR
    after = steps(case(life=Life(snoozed_until=until)), channels=Channels())
    assert after == {f"snooze-{until.timestamp():.0f}": Later(f"{STEP}#snooze-1778592600", until, None, HANDLED)}
    assert steps(case(life=Life(snoozed_until=AT)), channels=Channels()) == {}


def test_an_unanswered_alert_is_brought_up_again_so_many_times() -> None:
    again = policy(repeat_interval_minutes=60, repeat_at_most=2)
    assert steps(case(), again, Channels()) == {"repeat-1": Later(f"{STEP}#repeat-1", AT + HOUR, None, HANDLED)}
    second = case(step=f"{STEP}#repeat-1")
    assert steps(second, again) == {"repeat-2": Later(f"{STEP}#repeat-2", AT + HOUR, None, HANDLED)}
    assert steps(case(step=f"{STEP}#repeat-2"), again) == {}


def test_an_escalation_says_why_it_is_with_its_reader() -> None:
    backup = way(case(alert(customer=WITH_DEPUTY), f"{STEP}#backup"), SHIPPED, CHANNELS)
    assert backup == Way(DEPUTY, note=Note("for_backup", {"csm": "Ana Diaz"}))
    manager = way(case(step=f"{STEP}#manager"), SHIPPED, CHANNELS)
    assert manager == Way(channel="C0MANAGER", note=Note("for_manager", {"csm": "Ana Diaz"}))
    assert way(case(step=f"{STEP}#operator"), SHIPPED, Channels()) is None
