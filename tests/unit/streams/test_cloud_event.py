"""CloudEvents in structured mode on csat-events: the event inside counts, and what is wrong is said of it."""

import json
from base64 import b64encode
from typing import Any

import pytest

from schemas.wire import CsatReceived
from streams.backtest.told import told
from streams.validate import Invalid, InvalidEvent, decode, validate

EVENT: dict[str, Any] = {
    "event_type": "support_csat_received",
    "event_id": "zendesk-8841",
    "customer_id": "6f1a2b3c-0d4e-4f50-8a61-728394a5b6c7",
    "ticket_id": "TKT-1",
    "rating": 1,
    "feedback": "Took too long.",
    "responded_at": "2026-03-02T09:30:00Z",
}


def around(**data: Any) -> bytes:
    attributes = {"specversion": "1.0", "id": "8841", "source": "/crm", "type": "com.example.csat"}
    return json.dumps(attributes | data).encode()


@pytest.mark.parametrize(
    "value",
    [
        around(data=EVENT, datacontenttype="application/json", time="2026-03-02T09:30:00Z", partitionkey="1"),
        around(data_base64=b64encode(json.dumps(EVENT).encode()).decode()),
    ],
)
def test_the_event_inside_is_the_event(value: bytes) -> None:
    plain = json.dumps(EVENT).encode()
    assert validate(value) == validate(plain)
    assert decode(value) == decode(plain)
    assert isinstance(decode(value), CsatReceived)
    assert told(value) == told(plain)


def test_escapes_inside_are_read_as_the_models_read_them() -> None:
    odd = EVENT | {"feedback": "a\0b", "responded_at": "2026-03-02T09:30:00.1234567Z"}
    assert decode(around(data_base64=b64encode(json.dumps(odd).encode()).decode())) == decode(json.dumps(odd).encode())


@pytest.mark.parametrize(
    ("value", "reason", "message"),
    [
        (around(data=EVENT | {"rating": 9}), Invalid.INVALID_FIELD, "rating is 9"),
        (around(data=EVENT | {"event_type": "x"}), Invalid.UNKNOWN_TYPE, "event_type is 'x'"),
        (around(data="Took too long."), Invalid.INVALID_FIELD, "a text of 14 characters"),
        (around(), Invalid.INVALID_FIELD, "data is missing: put the event there"),
        (around(data_base64="!"), Invalid.INVALID_FIELD, "data_base64 is no base64"),
        (around(data=EVENT, specversion="0.3"), Invalid.INVALID_FIELD, "publish CloudEvents 1.0"),
        (around(data=json.loads(around(data=EVENT))), Invalid.UNKNOWN_TYPE, "event_type is missing"),
        (json.dumps({"specversion": "1.0", "event_type": "x", "data": EVENT}).encode(), Invalid.UNKNOWN_TYPE, "is 'x'"),
        (b'{"specversion": ', Invalid.NOT_JSON, "not JSON"),
    ],
)
def test_what_holds_no_event_says_why(value: bytes, reason: Invalid, message: str) -> None:
    for read in (validate, decode):
        with pytest.raises(InvalidEvent, match=message) as refused:
            read(value)
        assert refused.value.reason is reason
        assert "Took too long" not in str(refused.value)
