"""The recorded examples of each source, in the forms that its own documentation shows, and how it signs them."""

import csv
import hmac
import io
import json
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from schemas import signature
from schemas.source import Shape, Source
from schemas.source_files import load_sources
from streams.sources.answer import Answer, answer
from streams.sources.pick import items

EXAMPLES = Path(__file__).parent / "golden" / "sources"
SOURCES = load_sources(None)
ARRIVED = datetime(2026, 5, 5, 12, tzinfo=UTC)
CUSTOMER = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"

SECRETS = {"formbricks": "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} | {
    name: f"the secret of {name} is long" for name in SOURCES if name != "formbricks"
}

Form = Literal["webhook", "record", "csv"]


def raw(source: str, form: Form) -> bytes:
    """The bytes of an example."""
    return (EXAMPLES / (f"{source}.csv" if form == "csv" else f"{source}_{form}.json")).read_bytes()


def body(source: str, form: Form) -> Any:
    """What an example says."""
    if form == "csv":
        return [
            {name: text for name, text in row.items() if text}
            for row in csv.DictReader(io.StringIO(raw(source, form).decode()))
        ]
    return json.loads(raw(source, form))


def shape(source: Source | str, form: Form) -> Shape:
    """A form of a source, which it has."""
    found = (SOURCES[source] if isinstance(source, str) else source).shape(form)
    assert found is not None
    return found


def answers(source: str, form: Form, said: Any = None, arrived: datetime = ARRIVED) -> list[Answer]:
    """What is made of an example, or of `said`."""
    of = shape(source, form)
    found = (
        answer(SOURCES[source], of, each, arrived) for each in items(of, body(source, form) if said is None else said)
    )
    return [each for each in found if each is not None]


def signed(source: str, sent: bytes, at: datetime, secret: str | None = None) -> dict[str, str]:
    """The headers with which a source sends a body, worked out as its documentation says; all of them signed `at`."""
    key, stamp = (secret or SECRETS[source]).encode(), str(int(at.timestamp()))
    match source:
        case "zendesk":
            stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
            made = b64encode(hmac.new(key, stamp.encode() + sent, "sha256").digest()).decode()
            return {"X-Zendesk-Webhook-Signature": made, "X-Zendesk-Webhook-Signature-Timestamp": stamp}
        case "freshdesk":
            return {"X-Csatwatch-Secret": key.decode()}
        case "intercom":
            return {"X-Hub-Signature": f"sha1={hmac.new(key, sent, 'sha1').hexdigest()}"}
        case "chatwoot":
            made = hmac.new(key, f"{stamp}.".encode() + sent, "sha256").hexdigest()
            delivery = {"X-Chatwoot-Delivery": "0c2c1f5e-2c39-4c0a-9e7f-3d0d6f2b9a11"}
            return {"X-Chatwoot-Signature": f"sha256={made}", "X-Chatwoot-Timestamp": stamp, **delivery}
    return signature.headers(signature.key(key.decode()), "msg_1", at, sent)
