"""How far the processes of each role are behind, seen from outside."""

from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from agents import kafka
from agents.session import connected
from agents.settings import Settings
from agents.transport.ends import ends
from streams.topology import ACTIONS, ALERTS, CUSTOMERS, EVENTS, TRENDS

READERS: Mapping[str, Sequence[str]] = {
    "detect": (EVENTS,),
    "store": (EVENTS, CUSTOMERS),
    "deliver": (ALERTS, TRENDS, ACTIONS),
}
"""The topics that each role reads as a consumer group."""


async def behind(settings: Settings, role: str, partitions: Mapping[str, int]) -> dict[str, int]:
    """Records that the role has not committed yet, by topic (without prefix); `partitions`: how many each topic has.

    Raises `KafkaError`.
    """
    places = [
        TopicPartition(settings.topic(name), number) for name in READERS[role] for number in range(partitions[name])
    ]
    # Knows what the group has committed without being one of it. A new one each time: `ends` asks only once.
    client = kafka.consumer(settings, group_id=settings.group(role), enable_auto_commit=False)
    async with connected(client):
        client.assign(places)
        last = await ends(client, places)
        found = dict.fromkeys(READERS[role], 0)
        for place, end in last.items():
            found[place.topic.removeprefix(settings.topic_prefix)] += end - (await client.committed(place) or 0)
    return found
