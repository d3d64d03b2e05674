"""Where a customer's records belong: Kafka's default partitioner over the customer's id."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=1 << 17)
def partition_of(customer_id: str, partitions: int) -> int:
    """The partition of a customer's records on a topic with so many partitions."""
    return int(murmur2(customer_id.encode()) & 0x7FFFFFFF) % partitions
