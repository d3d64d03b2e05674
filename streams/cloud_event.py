"""CloudEvents 1.0 in structured mode: the event stands in `data`, and the attributes around it are not needed.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from base64 import b64decode
from binascii import Error

from msgspec import UNSET, MsgspecError, Raw, Struct, UnsetType
from msgspec.json import Decoder

VERSION = "1.0"
_SIGN = b'"specversion"'


class _Envelope(Struct, gc=False):
    specversion: str
    data: Raw | UnsetType = UNSET
    data_base64: str | UnsetType = UNSET
    event_type: Raw | UnsetType = UNSET  # no attribute can be called so: this is an event of ours


_decode = Decoder(_Envelope).decode


def data_of(value: bytes) -> bytes | None:
    """The bytes of the event inside; None where `value` is no CloudEvent in structured mode.

    Known by what it holds, not by its content-type, which not every way to Kafka keeps. Raises ValueError for a
    CloudEvent that has no event inside, with the field and the fix.
    """
    if _SIGN not in value:
        return None
    try:
        found = _decode(value)
    except MsgspecError:
        return None
    if found.event_type is not UNSET:
        return None
    if found.specversion != VERSION:
        raise ValueError("specversion is another than 1.0: publish CloudEvents 1.0")
    if found.data is not UNSET:
        return bytes(found.data)
    if found.data_base64 is UNSET:
        raise ValueError("data is missing: put the event there")
    try:
        return b64decode(found.data_base64, validate=True)
    except Error:
        raise ValueError("data_base64 is no base64: encode the event's bytes as RFC 4648 says") from None
