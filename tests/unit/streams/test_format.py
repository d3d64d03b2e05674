"""A release reads the states that it wrote and those of the one before, and no others."""

import msgspec
import pytest

from schemas.policy import load_policy
from streams import track
from streams.answers import Answer
from streams.spans import Spans
from streams.track import FORMAT, Track, UnknownFormat

NOTHING = dict[str, bytes]().get


def written() -> bytes:
    """The head of a customer with one rating."""
    customer = Track()
    customer.applied = 7
    customer.fold(Answer(1_000_000, 4, "survey", "event", "ticket"), Spans.of(load_policy(None)))
    head = customer.encode()[""]
    assert head is not None
    return head


def of_format(number: int) -> bytes:
    head = msgspec.msgpack.decode(written())
    return msgspec.msgpack.encode([number, *head[1:]])


def of_another_shape(number: int) -> bytes:
    """As a format before could have been: the number first, the offset last."""
    _, epoch, applied, *rest = msgspec.msgpack.decode(written())
    return msgspec.msgpack.encode([number, *rest, epoch, applied])


def from_another_shape(head: bytes) -> object:
    """What reads it, in the release after."""
    _, *rest, epoch, applied = msgspec.msgpack.decode(head)
    return msgspec.convert([FORMAT, epoch, applied, *rest], type=track._Head)


def test_the_state_of_the_release_before_is_read_and_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = of_another_shape(FORMAT)
    monkeypatch.setattr(track, "FORMAT", FORMAT + 1)
    monkeypatch.setitem(track.FORMER, FORMAT, from_another_shape)
    customer = Track.decode(before, NOTHING)
    assert (customer.applied, [answer.survey for answer in customer.answers]) == (7, ["survey"])
    now = customer.encode()[""]
    assert now is not None
    assert msgspec.msgpack.decode(now)[0] == FORMAT + 1


@pytest.mark.parametrize("number", [FORMAT - 1, FORMAT + 1])
@pytest.mark.parametrize("head", [of_format, of_another_shape])
def test_another_format_is_refused_by_its_number(number: int, head: object) -> None:
    with pytest.raises(UnknownFormat, match=f"of format {number}, this release reads {FORMAT}: run the release"):
        Track.decode(head(number), NOTHING)  # type: ignore[operator]


@pytest.mark.parametrize("value", [b"", b"\xc1", b"text", msgspec.msgpack.encode({"format": FORMAT})])
def test_what_is_no_state_is_refused(value: bytes) -> None:
    with pytest.raises(UnknownFormat, match="cannot read"):
        Track.decode(value, NOTHING)
