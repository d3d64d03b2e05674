"""The decoder of the hot path and the models agree on every record."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import wire
from streams.validate import InvalidEvent, decode, decode_all, validate

CUSTOMER = "6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
GOOD: dict[str, dict[str, Any]] = {
    "support_csat_received": {
        "event_id": "e1",
        "customer_id": CUSTOMER,
        "ticket_id": "T1",
        "rating": 2,
        "responded_at": "2026-05-01T10:00:00Z",
    },
    "support_ticket_closed": {
        "event_id": "e2",
        "customer_id": CUSTOMER,
        "ticket_id": "T1",
        "closed_at": "2026-05-01T10:00:00+02:00",
    },
    "support_ticket_escalated": {
        "event_id": "e3",
        "customer_id": CUSTOMER,
        "ticket_id": "T1",
        "escalated_at": "2026-05-01T10:00:00.123456-11:30",
    },
    "support_customer_erased": {"event_id": "e4", "customer_id": CUSTOMER},
}
FIELDS = [
    *{name for fields in GOOD.values() for name in fields},
    "event_type",
    "response_id",
    "ticket_subject",
    "feedback",
    "ticket_category",
    "ticket_url",
    "resolution_time_hours",
    "sla_hours",
    "first_contact_resolution",
    "was_escalated",
    "survey_sent_at",
    "assignee",
    "rating_raw",
    "scale",
    "contact",
    "message_id",
    "something_else",
]
TIMES = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda d: d.isoformat()),
    st.datetimes().map(lambda d: d.isoformat()),
    st.sampled_from(
        [
            "2026-05-01T10:00:00.1234567Z",
            "2026-05-01 10:00:00Z",
            "2026-05-01",
            "2026-05-01T10:00Z",
            "2026-05-01T24:00:00Z",
            "2016-12-31T23:59:60Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "2026-05-01T10:00:00+0200",
            "2026-05-01t10:00:00z",
            "1770000000",
        ]
    ),
)
TEXTS = st.one_of(st.text(max_size=30), st.sampled_from(["x" * 101, "x" * 201, "é" * 501, "y" * 20_001, "a\0b", " "]))
CONTACTS = st.fixed_dictionaries(
    {}, optional={"id": TEXTS, "name": TEXTS, "email": TEXTS | st.just("pat@example.com"), "locale": TEXTS}
)
VALUES = st.one_of(
    TIMES,
    TEXTS,
    st.integers(-2, 7),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    CONTACTS,
    st.lists(st.integers(), max_size=2),
    st.sampled_from([CUSTOMER.upper(), "https://example.com/t/1", "ftp://x", *GOOD]),
)


@st.composite
def events(draw: st.DrawFn) -> bytes:
    """Good events, with some fields replaced, added or taken out."""
    kind = draw(st.sampled_from(list(GOOD)))
    event = {"event_type": kind, **GOOD[kind]}
    event |= draw(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=1)):
        event.pop(name, None)
    return json.dumps(event, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@st.composite
def cloud_events(draw: st.DrawFn) -> bytes:
    """The same in structured mode, whole and with what makes it none."""
    inside = draw(events())
    data = draw(
        st.sampled_from([b'"data":' + inside, b'"data_base64":"' + b64encode(inside) + b'"', b'"data_base64":"%"'])
    )
    more = draw(st.sampled_from([b"", b', "event_type": 1', b', "data": 7', b', "comexampleother": 1']))
    version = draw(st.sampled_from([b'"1.0"', b'"1.0"', b'"0.3"', b"1.0"]))
    return b'{"specversion": ' + version + b', "id": "1", "source": "/crm", "type": "csat", ' + data + more + b"}"


def judged(value: bytes | None, by: Callable[[bytes | None], Any] = validate) -> Any:
    try:
        return by(value)
    except InvalidEvent as error:
        return str(error)


@settings(max_examples=600)
@given(events() | cloud_events())
@example(
    b'{"event_type": "support_customer_erased", "event_id": "a", "event_id": "b", "customer_id": "%s"}'
    % CUSTOMER.encode()
)
@example(b"")
@example(b"null")
@example(b"[]")
@example(b'{"event_type": 7}')
def test_what_the_models_accept_is_decoded_with_equal_values_and_nothing_else_is(value: bytes) -> None:
    model = judged(value)
    if isinstance(model, str):
        with pytest.raises(InvalidEvent, match=re.escape(model)):
            decode(value)
        return
    event = decode(value)
    expected = model.model_dump()
    for name, found in msgspec.structs.asdict(event).items():
        wanted = expected[name]
        assert (msgspec.to_builtins(found) if isinstance(found, wire.Contact) else found) == (
            {k: v for k, v in wanted.items() if v is not None} if isinstance(wanted, dict) else wanted
        ), name


@settings(max_examples=300)
@given(st.lists(events() | cloud_events() | st.none(), max_size=4))
@example([json.dumps({"event_type": kind, **event}).encode() for kind, event in GOOD.items()])
@example([None, b""])
def test_many_are_decoded_as_each_of_them_is(values: list[bytes | None]) -> None:
    found = [str(each) if isinstance(each, InvalidEvent) else each for each in decode_all(values)]
    assert found == [judged(value, decode) for value in values]


@pytest.mark.parametrize(
    "ids",
    [
        (CUSTOMER[:-1], CUSTOMER[-1] + CUSTOMER),
        (CUSTOMER + "\n" + CUSTOMER, CUSTOMER),
        (CUSTOMER.replace("6", "x"), CUSTOMER),
        ("é" + CUSTOMER[1:], CUSTOMER),
        ("", CUSTOMER),
    ],
)
def test_an_id_that_is_none_is_found_among_others(ids: tuple[str, str]) -> None:
    good = {"event_type": "support_csat_received", **GOOD["support_csat_received"]}
    found = decode_all([json.dumps(good | {"customer_id": each}).encode() for each in ids])
    wrong = [each for each in found if isinstance(each, InvalidEvent)]
    assert len(wrong) == sum(each != CUSTOMER for each in ids)
    assert all("customer_id" in str(each) for each in wrong)


@pytest.mark.parametrize("fraction", [r"\u002e1234567", r".123456\u0037"])
def test_a_fraction_cannot_hide_in_escapes(fraction: str) -> None:
    good = {"event_type": "support_csat_received", **GOOD["support_csat_received"]}
    value = json.dumps(good | {"responded_at": "2026-05-01T10:00:00@Z"}).replace("@", fraction).encode()
    assert b"u00" in value
    event, expected = decode(value), validate(value)
    assert isinstance(event, wire.CsatReceived)
    assert event.responded_at == expected.responded_at  # type: ignore[union-attr]
