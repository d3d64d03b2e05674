"""A checkpoint may go into the local store in pieces: the offset that they stand for comes with the last."""

from faust.types import TP

from agents.transport.app import BatchApp
from agents.transport.table import BatchTable


async def test_pieces_without_an_offset_do_not_count_as_read(app: BatchApp) -> None:
    store, tp = BatchTable(app, "ratings", changelog="changelog", partitions=1).local, TP("changelog", 0)
    store.write(0, [(b"a", b"1"), (b"b", b"1")], 7)
    store.write(0, [(b"a", b"2")], None)
    assert (store.value(0, b"a"), store.persisted_offset(tp)) == (b"2", 7)
    store.write(0, [(b"b", None)], 9)
    assert (store.value(0, b"b"), store.persisted_offset(tp)) == (None, 9)
