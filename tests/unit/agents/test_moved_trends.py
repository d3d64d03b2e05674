"""A trend that moved to another partition is deleted where it was, and for `deliver` nowhere."""

from aiokafka import ConsumerRecord
from faust.types import TP

from agents.digest import _read
from agents.transport.batch import Batch
from tests.memory import ACME


def deletion(*headers: tuple[str, bytes]) -> ConsumerRecord:
    return ConsumerRecord(
        topic="csat-trends",
        partition=0,
        offset=7,
        timestamp=1_780_000_000_000,
        timestamp_type=1,
        key=ACME.encode(),
        value=None,
        checksum=None,
        serialized_key_size=36,
        serialized_value_size=-1,
        headers=headers,
    )


def test_only_a_deletion_that_is_one_counts() -> None:
    gone, moved = deletion(), deletion(("csatwatch-moved", b"8"))
    batch = Batch(TP("csat-trends", 0), [gone, moved], 1)
    found = _read(batch, gone)
    assert found is not None
    assert (found.customer_id, found.trend) == (ACME, None)
    assert _read(batch, moved) is None
