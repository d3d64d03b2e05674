"""Signatures of webhooks, by the Standard Webhooks specification 1.0.0: https://www.standardwebhooks.com."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
_SHORTEST = 16  # bytes of a key


class BadSecret(ValueError):
    """A secret that is none; the text says the shape."""


class BadSignature(Exception):
    """A message that is not from whom it says, or too old."""


def key(secret: str) -> bytes:
    """The key in a secret `whsec_…`. Raises `BadSecret`."""
    try:
        found = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (Error, ValueError):
        found = b""
    if len(found) < _SHORTEST or not secret.startswith(PREFIX):
        raise BadSecret(f"must be {PREFIX} and at least {_SHORTEST} random bytes in base64")
    return found


def headers(secret: bytes, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a message."""
    stamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_sign(secret, message_id, stamp, body)}",
    }


def verify(secret: bytes, given: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of the message in `body`, whose headers are `given` (names in lower case). Raises `BadSignature`."""
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not (message_id and stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):  # noqa: PLR2004 (digits)
        raise BadSignature("webhook-id or webhook-timestamp is missing")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise BadSignature("the message is older or newer than 5 minutes")
    wanted = _sign(secret, message_id, stamp, body).encode()
    for each in given.get("webhook-signature", "").split():
        version, _, value = each.partition(",")
        if version == "v1" and hmac.compare_digest(value.encode(), wanted):
            return message_id
    raise BadSignature("no signature fits")


def _sign(secret: bytes, message_id: str, stamp: str, body: bytes) -> str:
    return b64encode(hmac.new(secret, f"{message_id}.{stamp}.".encode() + body, sha256).digest()).decode()
