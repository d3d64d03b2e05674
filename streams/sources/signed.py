"""Is a webhook from whom it says? By the signature that its source declares, over the raw body."""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime

from schemas import signature
from schemas.signature import TOLERANCE, BadSecret, BadSignature
from schemas.source import Hmac, SharedSecret, Signature, StandardWebhooks

_SHORTEST = 16  # characters


def check_secret(scheme: Signature, secret: str) -> None:
    """Raises `schemas.signature.BadSecret` for one that this scheme cannot use; the text says the shape."""
    if isinstance(scheme, StandardWebhooks):
        signature.key(secret)
    elif len(secret) < _SHORTEST or not secret.isascii():
        raise BadSecret(f"must be {_SHORTEST} ASCII characters or more, of a secret that nobody can guess")


def verify(scheme: Signature, secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> datetime:
    """When the message was signed; where that is not signed too, `now`. Names of `headers` are in lower case.

    Raises `schemas.signature.BadSignature`, whose text says nothing of the secret.
    """
    match scheme:
        case StandardWebhooks():
            signature.verify(signature.key(secret), headers, body, now)
            return datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        case Hmac():
            return _hmac(scheme, secret, headers, body, now)
        case SharedSecret():
            if not hmac.compare_digest(headers.get(scheme.header, "").encode(), secret.encode()):
                raise BadSignature(f"{scheme.header} is missing, or is not the secret")
            return now


def _hmac(scheme: Hmac, secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> datetime:
    given, stamp, at = headers.get(scheme.header, ""), "", now
    if scheme.timestamp is not None:
        stamp = headers.get(scheme.timestamp, "")
        at = _moment(stamp, scheme.timestamp)
    if not given:
        raise BadSignature(f"{scheme.header} is missing")
    signed = f"{stamp}{scheme.join}".encode() + body if scheme.timestamp is not None else body
    made = hmac.new(secret.encode(), signed, scheme.digest)
    text = made.hexdigest() if scheme.encoding == "hex" else b64encode(made.digest()).decode()
    if not hmac.compare_digest(given.encode(), (scheme.prefix + text).encode()):
        raise BadSignature("no signature fits")
    # After the signature: only who knows the secret learns how far the clocks are apart.
    if abs(now - at) > TOLERANCE:
        raise BadSignature("the message is older or newer than 5 minutes")
    return at


def _moment(stamp: str, header: str) -> datetime:
    try:
        if stamp.isascii() and stamp.isdigit():
            return datetime.fromtimestamp(int(stamp), UTC)
        at = datetime.fromisoformat(stamp)
    except (ValueError, OverflowError, OSError):
        raise BadSignature(f"{header} is missing, or no time") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
