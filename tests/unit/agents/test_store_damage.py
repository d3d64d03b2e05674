"""Damage that lies in the way of a look through the local store is not taken for its end."""

import pytest

from agents.transport.app import BatchApp
from agents.transport.table import BatchTable

_WAITS = b"w/"


async def test_a_look_that_ends_at_damage_fails_and_the_next_start_rebuilds(app: BatchApp) -> None:
    store = BatchTable(app, "ratings", changelog="changelog", partitions=1).local
    keys = [_WAITS + f"{n:06}".encode() for n in range(20_000)]
    store.write(0, ((key, key * 4) for key in [b"a", *keys, b"z"]), 7)
    assert [key for key, _ in store.items_from(0, _WAITS)] == keys
    store._dbs.pop(0).close()
    (file,) = store.partition_path(0).glob("*.sst")
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    file.write_bytes(data)
    with pytest.raises(Exception, match=r"^Corruption"):
        list(store.items_from(0, _WAITS))
    store._dbs.pop(0).close()
    assert list(store.items_from(0, _WAITS)) == []
    assert store.value(0, store.offset_key) is None
