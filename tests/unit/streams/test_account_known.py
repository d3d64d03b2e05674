"""An account that becomes known after the alerts on it: they are raised once more, as if it had been there."""

from datetime import timedelta

from schemas.customer import Customer
from schemas.policy import load_policy
from schemas.wire import Alert
from streams.memory import MemoryStates
from streams.pipeline import MOST_WAITING, Pipeline
from tests.memory import ACME, NOW, answer, records

ACCOUNT = Customer.model_validate({"customer_id": ACME, "name": "Acme", "arr": 500_000, "currency": "USD"})
FALL = [answer(5, NOW - timedelta(days=100 - 3 * i)) for i in range(20)] + [
    answer(2, NOW - timedelta(days=20 - 2 * i)) for i in range(8)
]


def raised(events: list[dict[str, object]], states: MemoryStates, known: dict[str, Customer]) -> dict[str, Alert]:
    out = Pipeline(load_policy(None), 1).process(records(events), 0, states, known, NOW)
    return {r.alert.alert_id: r.alert for r in out.raised}


def arrived(states: MemoryStates) -> list[Alert]:
    return [alert for alert, _ in Pipeline(load_policy(None), 1).account_arrived(ACCOUNT, states, NOW)]


def test_each_alert_that_stands_is_raised_once_more_with_it() -> None:
    states = MemoryStates()
    before, known = raised(FALL, states, {}), raised(FALL, MemoryStates(), {ACME: ACCOUNT})
    again = {alert.alert_id: alert for alert in arrived(states)}
    standing = {i for i, alert in before.items() if alert.status in ("firing", "updated")}
    assert {alert.kind for alert in again.values()} == {"poor_rating", "declining_trend"}
    assert again.keys() == standing
    for alert_id, alert in again.items():
        assert (alert.status, alert.revision) == ("updated", before[alert_id].revision + 1)
        assert alert.customer is not None
        assert alert.severity == known[alert_id].severity
        assert alert.reasons[-1] == "Updated: the account became known."


def test_a_second_record_of_the_account_raises_nothing() -> None:
    states = MemoryStates()
    raised(FALL, states, {})
    assert arrived(states)
    assert not arrived(states)


def test_what_was_taken_back_or_was_silent_stays_so() -> None:
    states = MemoryStates()
    poor = answer(1, NOW - timedelta(days=1))
    better = poor | {"rating": 5, "event_id": "later", "responded_at": NOW.isoformat()}
    raised([poor, better], states, {})
    assert not arrived(states)
    old = records([answer(1, NOW - timedelta(days=30))], first=10, at=NOW)
    Pipeline(load_policy(None), 1).process(old, 0, states, {}, NOW)
    assert not arrived(states)


def test_an_account_with_very_many_alerts_is_told_of_the_newest() -> None:
    states = MemoryStates()
    events = [answer(1, NOW - timedelta(hours=i)) for i in range(60, 0, -1)]
    raised(events, states, {})
    again = arrived(states)
    assert len(again) == MOST_WAITING
    assert max(alert.occurred_at for alert in again) == NOW - timedelta(hours=1)


def test_what_waits_survives_being_kept_and_ends_with_the_customer() -> None:
    states = MemoryStates()
    raised(FALL, states, {})
    assert states.customers_waiting == {ACME}
    states.forget(ACME, 99)
    assert not states.customers_waiting
    assert not arrived(states)


def test_nothing_waits_of_a_customer_who_is_erased_in_the_batch_that_alerts() -> None:
    states = MemoryStates()
    gone: dict[str, object] = {"event_type": "support_customer_erased", "event_id": "gone", "customer_id": ACME}
    assert len(raised([answer(1, NOW), gone], states, {})) == 1
    assert not states.customers_waiting
    assert not states.take(ACME).waits
