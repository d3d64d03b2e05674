"""Where a customer's records belong: Kafka's default partitioner over the customer's id."""

from struct import unpack_from

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def partition_of(customer_id: str, partitions: int) -> int:
    """The partition of a customer's records on a topic with so many partitions."""
    return (murmur2(customer_id.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Austin Appleby's MurmurHash2 in 32 bits with Kafka's seed.

    As aiokafka's, in half the time: for each new customer this is the most expensive thing that is done.
    """
    length = len(data)
    h = _SEED ^ length
    for word in unpack_from(f"<{length >> 2}I", data):
        k = word * _M & _MASK
        h = (h * _M & _MASK) ^ ((k ^ k >> 24) * _M & _MASK)
    if left := length & 3:
        h = (h ^ int.from_bytes(data[-left:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15
