"""Every client of Kafka puts a customer on the same partition."""

from aiokafka import partitioner
from hypothesis import given
from hypothesis import strategies as st

from streams.partition import murmur2, partition_of, partitions_of


@given(st.binary(max_size=100))
def test_the_hash_is_the_one_of_kafkas_clients(data: bytes) -> None:
    assert murmur2(data) == partitioner.murmur2(data) & 0xFFFFFFFF


@given(st.uuids(), st.integers(1, 200))
def test_the_partition_is_the_one_of_kafkas_default_partitioner(customer: object, partitions: int) -> None:
    everywhere = list(range(partitions))
    expected = partitioner.DefaultPartitioner()(str(customer).encode(), everywhere, everywhere)
    assert partition_of(str(customer), partitions) == expected


_IDS = st.uuids().map(str)


@given(
    st.lists(_IDS | st.text(max_size=40), max_size=40) | st.lists(_IDS, min_size=9, max_size=300), st.integers(1, 200)
)
def test_many_customers_are_where_each_of_them_is(customers: list[str], partitions: int) -> None:
    assert partitions_of(customers, partitions) == [partition_of(each, partitions) for each in customers]
