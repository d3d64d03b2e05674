"""What each source says, as events."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from schemas.event import CsatReceived
from schemas.source import Source
from schemas.yaml_file import parse
from streams.sources.answer import Answer, Unmappable, answer, email_of
from streams.sources.pick import items, pick
from tests.sources import ARRIVED, CUSTOMER, EXAMPLES, SOURCES, Form, answers, body, shape


def _shown(found: Answer) -> dict[str, Any]:
    event = json.loads(found.unowned.model_dump_json(exclude_none=True, exclude={"customer_id"}))
    return {"customer": found.customer, **event}


@pytest.mark.parametrize("form", get_args(Form))
@pytest.mark.parametrize("source", SOURCES)
def test_recorded_examples_become_these_events(source: str, form: Form) -> None:
    expected = json.loads((EXAMPLES / f"{source}.expected.json").read_text(encoding="utf-8"))
    assert [_shown(each) for each in answers(source, form)] == expected[form]


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("zendesk", {"score": "offered"}),
        ("zendesk", {"score": ""}),
        ("freshdesk", {"ratings": {}}),
        ("intercom", {"topic": "ping"}),
        ("intercom", {"topic": "conversation.admin.closed"}),
        ("chatwoot", {"event": "message_created"}),
        ("chatwoot", {"content_type": "text"}),
        ("chatwoot", {"content_attributes": {}}),
    ],
)
def test_what_is_no_answer_is_left_alone(source: str, part: dict[str, Any]) -> None:
    assert answers(source, "webhook", body(source, "webhook") | part) == []


@pytest.mark.parametrize("part", [{"event": "responseCreated"}, {"event": "testEndpoint", "data": None}])
def test_a_survey_that_is_not_finished_is_left_alone(part: dict[str, Any]) -> None:
    (said,) = body("formbricks", "webhook")
    assert answers("formbricks", "webhook", [said | part]) == []


def test_the_same_answer_is_the_same_event_by_webhook_poll_and_export() -> None:
    for source, forms in {
        "chatwoot": ("webhook", "record"),
        "formbricks": ("webhook", "record"),
        "intercom": ("webhook", "record", "csv"),
    }.items():
        found = [answers(source, form)[0].unowned for form in forms]  # type: ignore[arg-type]
        assert len({each.event_id for each in found}) == 1, source
        assert len({each.response_id for each in found}) == 1, source
    api = {"ticket_id": 35436, "score": "bad", "comment": body("zendesk", "webhook")["comment"]}
    (polled,) = answers("zendesk", "record", {"satisfaction_ratings": [api | {"updated_at": "2026-05-04T09:30:02Z"}]})
    (posted,) = answers("zendesk", "webhook")
    assert (polled.unowned.event_id, polled.unowned.survey) == (posted.unowned.event_id, posted.unowned.survey)


def test_another_rating_is_a_later_answer_to_the_same_survey() -> None:
    said = body("zendesk", "webhook")
    first, again, changed, told = (
        answers("zendesk", "webhook", said | part)[0].unowned
        for part in ({}, {"rated_at": "2026-05-04T09:31:00Z"}, {"score": "good"}, {"comment": "and another thing"})
    )
    assert first.survey == again.survey == changed.survey == told.survey == "zendesk-35436"
    assert first.event_id == again.event_id
    assert len({first.event_id, changed.event_id, told.event_id}) == 3
    assert (changed.rating, changed.rating_raw, changed.scale) == (5, "good", "2-point")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"ticket": {}}, "response is missing: nothing usable stands at ticket.id"),
        ({"ticket": {"id": "x" * 300}}, "ticket_id cannot be used: it must be text of 1 to 200 characters"),
        ({"ticket": {"id": "x" * 199}}, "response_id cannot be used: it must be text of 1 to 200 characters, with"),
        ({"rated_at": "yesterday"}, "responded_at is no time: it must be RFC 3339"),
        ({"rated_at": "2026-05-04T09:30:00"}, "or have a time_zone in the mapping"),
        ({"rated_at": "2026-06-04T09:30:00Z"}, "responded_at is 2026-06-04T09:30:00+00:00, more than an hour from now"),
    ],
)
def test_what_cannot_be_read_is_named_without_words_of_the_customer(part: dict[str, Any], text: str) -> None:
    with pytest.raises(Unmappable) as raised:
        answers("zendesk", "webhook", body("zendesk", "webhook") | {"comment": "my own words"} | part)
    assert text in str(raised.value)
    assert "my own" not in str(raised.value)


def test_a_value_that_the_scale_does_not_have_is_refused() -> None:
    said = body("freshdesk", "webhook")
    with pytest.raises(Unmappable, match=r"rating is 7: on the scale freshdesk it is one of -103, -102"):
        answers("freshdesk", "webhook", said | {"ratings": {"default_question": 7}})
    with pytest.raises(Unmappable, match="rating is something else"):
        answers("freshdesk", "webhook", said | {"ratings": {"default_question": "so so"}})
    with pytest.raises(Unmappable, match="rating is something else"):
        answers("freshdesk", "webhook", said | {"ratings": {"default_question": [1]}})


def test_what_does_not_fit_is_cut_or_left_out_rather_than_lost() -> None:
    said = body("zendesk", "webhook")
    said["ticket"] |= {"subject": "s" * 600, "url": "javascript:alert(1)", "category": {"not": "text"}}
    said["requester"] |= {"email": "nobody", "id": "i" * 300}
    said["comment"] = "c" * 30_000 + "\0"
    (found,) = answers("zendesk", "webhook", said)
    event = found.unowned
    assert event.ticket_subject is not None
    assert (len(event.ticket_subject), event.ticket_subject[-1]) == (500, "\N{HORIZONTAL ELLIPSIS}")
    assert (event.ticket_url, event.ticket_category, email_of(event)) == (None, None, None)
    assert event.feedback is not None
    assert len(event.feedback) == 20_000
    assert event.contact is not None
    assert event.contact.name == "Rosa Ruiz"
    assert event.contact.id is None


def test_it_is_of_the_customer_that_the_source_knows_by_our_id() -> None:
    said = body("zendesk", "webhook")
    (found,) = answers("zendesk", "webhook", said | {"organization": {"external_id": CUSTOMER.upper()}})
    assert found.event(CUSTOMER).customer_id == found.customer == CUSTOMER
    (other,) = answers("zendesk", "webhook", said | {"organization": {"external_id": "ACME-7"}})
    assert other.customer is None


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-05-04T09:30:00Z", "2026-05-04T09:30:00+00:00"),
        ("2026-05-04 09:30:00 UTC", "2026-05-04T09:30:00+00:00"),
        ("2026-05-04T11:30:00+0200", "2026-05-04T09:30:00+00:00"),
        (1777887000, "2026-05-04T09:30:00+00:00"),
        ("1777887000", "2026-05-04T09:30:00+00:00"),
        (1777887000123, "2026-05-04T09:30:00.123000+00:00"),
        (None, ARRIVED.isoformat()),
        ("", ARRIVED.isoformat()),
    ],
)
def test_times_as_sources_write_them(said: object, at: str) -> None:
    (found,) = answers("zendesk", "webhook", body("zendesk", "webhook") | {"rated_at": said})
    assert found.unowned.responded_at == datetime.fromisoformat(at)


@pytest.mark.parametrize("said", [True, [], {}, "9" * 400, -1, 10**300, "0001-01-01T00:00:00+14:00"])
def test_times_that_are_none(said: object) -> None:
    with pytest.raises(Unmappable, match="responded_at"):
        answers("zendesk", "webhook", body("zendesk", "webhook") | {"rated_at": said})


def test_a_clock_may_be_an_hour_ahead() -> None:
    ahead = ARRIVED + timedelta(minutes=59)
    (found,) = answers("zendesk", "webhook", body("zendesk", "webhook") | {"rated_at": ahead.isoformat()})
    assert found.unowned.responded_at == ahead


def test_a_mapping_of_ones_own() -> None:
    source = parse(
        Source,
        """
source: stars
version: 1
signature: {scheme: shared_secret, header: X-Token}
webhook:
  each: events
  when: {kind: [rating], test: [false]}
  time_zone: Europe/Berlin
  rating: {path: [stars, score], scale: {name: stars, values: {1: 1, 2: 3, "three": 5}}}
  fields: {response: id, ticket_id: case.number, responded_at: at, sla_hours: case.sla, feedback: text}
""",
        "stars.yaml",
    )
    said = {"kind": "rating", "test": False, "id": 1, "case": {"number": 9, "sla": "24"}, "at": "2026-05-04T11:30:00"}
    of = shape(source, "webhook")
    bodies = [said | {"stars": "Three"}, said | {"score": 2.0}, said | {"stars": 1, "test": True}, said | {"kind": "x"}]
    found = [answer(source, of, each, ARRIVED) for each in items(of, {"events": bodies})]
    events = [each.unowned for each in found if each]
    assert [(each.rating, each.rating_raw, each.scale) for each in events] == [(5, "Three", "stars"), (3, 2, "stars")]
    assert events[0].responded_at == datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
    assert (events[0].ticket_id, events[0].sla_hours, events[0].survey) == ("9", 24, "stars-1")


def test_paths_lead_through_objects_and_lists_and_nowhere_else() -> None:
    said = {"a": [{"b": 1}], "c": "text"}
    assert pick(said, "a.0.b") == 1
    for nowhere in ("a.1.b", "a.-1.b", "a.b", "c.0", "x", "a.0.b.c", "a.\N{SUPERSCRIPT TWO}"):
        assert pick(said, nowhere) is None


def test_an_event_of_a_customer_is_valid_as_it_is_published() -> None:
    for source in SOURCES:
        for each in answers(source, "webhook"):
            event = each.event(CUSTOMER)
            assert CsatReceived.from_json(event.to_json()) == event
