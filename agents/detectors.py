"""What a command must know of the detectors before it touches their state."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from agents.position import POSITION, Position, decode
from agents.refused import Failed
from agents.settings import Settings
from agents.transport.read_back import read_back


async def refuse_running(admin: AIOKafkaAdminClient, settings: Settings) -> None:
    """Raises `Failed` while any detector of the installation is a member of its group."""
    group = settings.group("detect")
    described = await admin.describe_consumer_groups([group])
    if any(members for response in described for *_, members, _ in response.groups):
        message = (
            f"the group {group} has members: stop all detectors first; static members are gone after their session "
            f"timeout ({settings.session_timeout_seconds:g} s)"
        )
        raise Failed(message)


async def positions_of(consumer: AIOKafkaConsumer, log: str, partitions: int) -> dict[int, Position]:
    """The position of each partition of the changelog `log` that has one."""
    found = {}
    async for record in read_back(consumer, [TopicPartition(log, partition) for partition in range(partitions)]):
        if record.key == POSITION and record.value:
            found[int(record.partition)] = decode(record.value)
    return found
