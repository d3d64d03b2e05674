import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from schemas.customer import Customer
from schemas.event import CsatReceived, TicketClosed, TicketEscalated
from streams.sample import Sample, SampleRecord, Shape, accounts, feed, generate
from streams.sample.planted import DECLINING
from streams.validate import Invalid, InvalidEvent, validate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(now=NOW)


def time_of(record: SampleRecord) -> datetime:
    event = record.event
    match event:
        case CsatReceived():
            return event.responded_at
        case TicketClosed():
            return event.closed_at
        case TicketEscalated():
            return event.escalated_at
    raise AssertionError


def ratings(sample: Sample, customer_id: str | None = None) -> list[CsatReceived]:
    return [
        each.event
        for each in sample.records
        if isinstance(each.event, CsatReceived) and customer_id in (None, each.event.customer_id)
    ]


def test_the_same_seed_and_time_give_the_same_bytes(sample: Sample) -> None:
    again = generate(now=NOW)
    assert [each.value for each in again.records] == [each.value for each in sample.records]
    assert [each.to_json() for each in again.customers] == [each.to_json() for each in sample.customers]
    assert generate(1, now=NOW).records != sample.records


def test_a_later_now_moves_every_time_and_nothing_else(sample: Sample) -> None:
    later = generate(now=NOW + DAY)
    moved = [
        (b.responded_at - a.responded_at, a.rating == b.rating)
        for a, b in zip(ratings(sample), ratings(later), strict=True)
    ]
    assert set(moved) == {(DAY, True)}


def test_every_record_but_the_poison_is_an_event_of_a_known_customer(sample: Sample) -> None:
    known = {each.customer_id for each in sample.customers}
    for each in sample.records:
        if each.value not in sample.planted.poison:
            event = validate(each.value)
            assert event == each.event
            assert event.customer_id in known
            assert each.key == event.customer_id


def test_poison_is_refused_for_two_reasons(sample: Sample) -> None:
    reasons = []
    for value in sample.planted.poison:
        with pytest.raises(InvalidEvent) as refused:
            validate(value)
        reasons.append(refused.value.reason)
    assert reasons == [Invalid.NOT_JSON, Invalid.INVALID_FIELD]
    assert json.loads(sample.planted.poison[1])["rating"] == 7


@pytest.mark.parametrize("seed", [1, 2, 3, 4521])
def test_ages_are_past_and_stay_away_from_where_alerts_turn_silent(seed: int) -> None:
    ages = [NOW - time_of(each) for each in generate(seed, now=NOW).records if each.event]
    assert min(ages) > timedelta(minutes=2)
    assert max(ages) < 121 * DAY
    assert not [age for age in ages if 6.5 * DAY < age < 7.5 * DAY]


@pytest.mark.parametrize("seed", [1, 2, 3, 4521])
def test_there_is_a_readable_number_of_fresh_poor_ratings(seed: int) -> None:
    fresh = [
        each for each in ratings(generate(seed, now=NOW)) if each.rating <= 2 and NOW - each.responded_at < 7 * DAY
    ]
    assert 30 <= len(fresh) <= 60


def test_globaltech_stands_as_the_message_shows_it(sample: Sample) -> None:
    ticket = sample.planted.globaltech
    account = next(each for each in sample.customers if each.name == "GlobalTech")
    assert (account.arr, account.currency, account.customer_id) == (175_000, "USD", ticket.customer_id)
    assert account.csm is not None
    assert (ticket.ticket_id, ticket.rating) == ("TKT-2026-4521", 1)
    assert ticket.ticket_subject == "API returning 500 errors intermittently"
    assert ticket.ticket_category == "Technical Issue"
    assert (ticket.resolution_time_hours, ticket.sla_hours) == (72, 24)
    assert ticket.feedback == "Took too long to get a response, and the issue still isn't fully resolved."
    assert ticket.ticket_url is not None
    others = [each for each in ratings(sample, ticket.customer_id) if each != ticket]
    assert all(ticket.responded_at - 120 * DAY < each.responded_at < ticket.responded_at for each in others)
    assert sum(each.rating for each in others) / len(others) == 4.2
    month = [
        each.event
        for each in sample.records
        if each.event
        and each.event.customer_id == ticket.customer_id
        and time_of(each) > ticket.responded_at - 30 * DAY
    ]
    assert len({each.ticket_id for each in month}) == 3
    assert [each.rating for each in month if isinstance(each, CsatReceived)] == [2, 1]


def test_a_second_poor_rating_follows_within_30_days(sample: Sample) -> None:
    second = sample.planted.second_poor
    before = [each for each in ratings(sample, second.customer_id) if each.responded_at < second.responded_at]
    assert second.rating <= 2
    assert before[-1].rating <= 2
    assert second.responded_at - before[-1].responded_at < 30 * DAY


def test_surveys_are_answered_again_for_better_and_for_worse(sample: Sample) -> None:
    for pair, expected in ((sample.planted.retracted, (1, 5)), (sample.planted.worse, (2, 1))):
        first, later = pair
        assert (first.rating, later.rating) == expected
        assert first.survey == later.survey
        assert first.event_id != later.event_id
        assert first.responded_at < later.responded_at
        assert [each for each in ratings(sample, first.customer_id) if each.survey == first.survey] == [first, later]


def test_one_event_is_sent_twice_and_no_other(sample: Sample) -> None:
    times = Counter(each.event.event_id for each in sample.records if each.event)
    assert [event for event, count in times.items() if count > 1] == [sample.planted.duplicate.event_id]


def test_one_event_comes_late_and_all_others_in_order(sample: Sample) -> None:
    late, duplicate = sample.planted.late, sample.planted.duplicate
    newer = [each for each in ratings(sample, late.customer_id) if each.responded_at > late.responded_at]
    assert newer
    sent = ratings(sample, late.customer_id)
    assert sent.index(late) > max(sent.index(each) for each in newer)
    in_order = [time_of(each) for each in sample.records if each.event and each.event not in (late, duplicate)]
    assert all(a <= b for a, b in pairwise(in_order))


def test_three_customers_really_decline(sample: Sample) -> None:
    assert len(sample.planted.declining) == len(DECLINING) == 3
    for customer_id in sample.planted.declining:
        said = ratings(sample, customer_id)
        recent = [each.rating for each in said if NOW - each.responded_at < 30 * DAY]
        before = [each.rating for each in said if NOW - each.responded_at >= 30 * DAY]
        assert len(recent) >= 3
        assert len(before) >= 5
        assert sum(recent) / len(recent) < 0.65 * sum(before) / len(before)


def test_accounts_are_as_incomplete_as_a_crm(sample: Sample) -> None:
    assert len({each.customer_id for each in sample.customers}) == len(sample.customers) > 300

    def share(of: list[Customer]) -> float:
        return len(of) / len(sample.customers)

    assert 0.01 < share([each for each in sample.customers if each.arr is None]) < 0.15
    assert 0.01 < share([each for each in sample.customers if each.currency == "EUR"]) < 0.15
    assert 0.005 < share([each for each in sample.customers if each.csm is None]) < 0.08
    csms = {each.csm.name: each.csm for each in sample.customers if each.csm}
    assert len(csms) == 12
    assert {each.slack_user_id is None for each in csms.values()} == {True, False}


def test_feedback_is_varied_and_fits_the_rating(sample: Sample) -> None:
    said = [each for each in ratings(sample) if each.feedback]
    assert len({each.feedback for each in said}) > len(said) / 4
    bad = {each.feedback for each in said if each.rating <= 2}
    good = {each.feedback for each in said if each.rating >= 4}
    assert not bad & good


def test_a_feed_has_as_many_records_as_asked_for_in_order() -> None:
    shape = Shape(customers=50, days=30, events=2_000)
    records = list(feed(7, NOW, shape))
    times = [time_of(each) for each in records]
    assert len(records) == 2_000
    assert times == sorted(times)
    assert NOW - times[0] < 30.1 * DAY
    known = {each.customer.customer_id for each in accounts(7, 50)}
    assert {each.key for each in records} <= known


def test_a_feed_is_made_as_it_is_read() -> None:
    endless = feed(7, NOW, Shape(customers=10, days=365, events=1_000_000_000))
    assert next(endless).event is not None
