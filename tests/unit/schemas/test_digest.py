import json

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from schemas.alert import Alert, Kind
from schemas.digest import Digest, parse, read
from schemas.export import schema
from tests.alerts import alert, trend
from tests.digests import everything


@pytest.mark.parametrize("record", [alert(), trend(), everything()])
def test_a_record_of_alerts_is_read_as_what_it_is(record: Alert | Digest) -> None:
    assert read(record.to_json()) == record
    assert parse(json.loads(record.to_json())) == record
    assert type(read(record.to_json())) is type(record)


@pytest.mark.parametrize("record", [alert(), everything()])
def test_both_are_as_the_published_schema_says(record: Alert | Digest) -> None:
    Draft202012Validator(schema("alerts")).validate(json.loads(record.to_json()))


@pytest.mark.parametrize("value", [b"", b"null", b"[]", b"{}", b'{"kind": "weekly_digest"}', b'{"kind": "other"}'])
def test_what_is_neither_is_refused(value: bytes) -> None:
    with pytest.raises(ValidationError):
        read(value)


def test_an_alert_of_a_customer_is_never_a_digest() -> None:
    with pytest.raises(ValidationError):
        Alert.model_validate(alert().model_dump(mode="json") | {"kind": Kind.WEEKLY_DIGEST})


def test_fields_of_a_newer_version_are_ignored() -> None:
    record = json.loads(everything().to_json()) | {"mood": "sunny"}
    assert parse(record) == everything()
