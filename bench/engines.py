"""csatwatch and its peers: how each is started, where its alerts go, and how it is seen that it is done."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench import setup
from schemas.policy import load_policy
from streams.topology import ALERTS, EVENTS
from tests.servers.java import java

ROOT = Path(__file__).parent.parent
Command = Sequence[str | Path]
_CHANGELOG, _SNAPSHOTS, _LOST = "in a changelog", "in snapshots", "lost"


@dataclass(frozen=True, slots=True)
class Job:
    """One run of one engine.

    Attributes:
        tag: a fresh word, which its group and topics are named by.
        feed: the topic to read; its name ends in `csat-events`.
        events: after so many it is done; 0: it goes on until SIGTERM.
        state: an empty directory for what it keeps.
        linger_ms: of the peers' producers, which csatwatch decides by itself; None is the library's default.
    """

    tag: str
    bootstrap: str
    feed: str
    events: int
    state: Path
    linger_ms: int | None = 20

    @property
    def prefix(self) -> str:
        """Of csatwatch's topics."""
        return self.feed.removesuffix(EVENTS)


class Engine:
    """A peer.

    Attributes:
        name: in the tables.
        state: what a crash leaves of its state.
        package: in the peers' lock; None where it is none.
        commits: False where it ends with the feed instead.
    """

    commits = True

    def __init__(self, name: str, *, state: str, package: str | None = None) -> None:
        self.name = name
        self.state = state
        self.package = package

    def prepare(self, job: Job) -> None:
        """What must be there before it starts, beside the feed and the topic of the alerts."""

    def command(self, job: Job) -> Command:
        """What is started."""
        raise NotImplementedError

    def environment(self, job: Job) -> Mapping[str, str]:
        """Added to this process's own."""
        return {
            "PYTHONPATH": str(ROOT),
            "BROKER": job.bootstrap,
            "GROUP": job.tag,
            "FEED": job.feed,
            "ALERTS": self.alerts(job),
            "STATE_DIR": str(job.state),
            "EVENTS": str(job.events),
            "LINGER_MS": "" if job.linger_ms is None else str(job.linger_ms),
        }

    def alerts(self, job: Job) -> str:
        """The topic of its alerts; it is made before it starts where it is not there."""
        return f"alerts-{job.tag}"

    def group(self, job: Job) -> str:
        """Its consumer group."""
        return job.tag


class Module(Engine):
    """A peer that is a program in Python."""

    def __init__(self, module: str, name: str, *, state: str, package: str | None = None) -> None:
        super().__init__(name, state=state, package=package)
        self._module = f"bench.peers.{module}"

    def command(self, job: Job) -> Command:
        """Run the module."""
        del job
        return [setup.PYTHON, "-m", self._module]


class StockFaust(Module):
    """Faust's own worker."""

    def command(self, job: Job) -> Command:
        """With its state in the job's directory, and without its web server."""
        options: Command = ["--datadir", job.state, "-A", self._module]
        return [setup.PYTHON, "-m", "faust", *options, "worker", "-l", "warn", "--without-web"]


class Bytewax(Module):
    """Bytewax's own runner. It keeps its place in the feed in its snapshots, not in Kafka."""

    commits = False

    def prepare(self, job: Job) -> None:
        """Its recovery store."""
        recovery = job.state / "recovery"
        recovery.mkdir()
        subprocess.run([setup.PYTHON, "-m", "bytewax.recovery", recovery, "1"], check=True)

    def command(self, job: Job) -> Command:
        """A snapshot every 10 s, of which nothing is kept longer than needed."""
        options: Command = ["-r", job.state / "recovery", "-s", "10", "-b", "0"]
        return [setup.PYTHON, "-m", "bytewax.run", f"{self._module}:flow", *options]


class KafkaStreams(Engine):
    """The peer in Java."""

    def __init__(self, name: str, *, threads: int = 1) -> None:
        super().__init__(name, state=_CHANGELOG)
        self._threads = threads

    def command(self, job: Job) -> Command:
        """As much memory as it wants."""
        del job
        jvm = ("-Xms512m", "-Xmx1g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        return [java(), *jvm, "-cp", f"{setup.CLASSES}:{setup.jars()}/*", "CsatStreams", str(self._threads)]


class Csatwatch(Engine):
    """`csatwatch detect`, as it ships, but for a policy under which old ratings alert."""

    _program = (sys.executable, "-m", "agents.cli")

    def __init__(self, name: str, *, workers: int = 1) -> None:
        super().__init__(name, state=_CHANGELOG)
        self._workers = workers

    def prepare(self, job: Job) -> None:
        """Its topics and its policy."""
        policy = load_policy(None).model_dump(mode="json") | {"policy": "bench", "silent_after_days": 3650}
        (job.state / "policy.yaml").write_text(yaml.safe_dump(policy))
        create = [*self._program, "topics", "create"]
        env = {**os.environ, **self.environment(job)}
        subprocess.run(create, env=env, cwd=job.state, check=True, stdout=subprocess.DEVNULL)

    def command(self, job: Job) -> Command:
        """The detector."""
        del job
        return [*self._program, "detect", "--workers", str(self._workers)]

    def environment(self, job: Job) -> Mapping[str, str]:
        """Its settings; all others are the defaults."""
        return {
            "PYTHONPATH": str(ROOT),
            "CSATWATCH_KAFKA_URL": f"kafka://{job.bootstrap}",
            "CSATWATCH_APP_ID": job.tag,
            "CSATWATCH_TOPIC_PREFIX": job.prefix,
            "CSATWATCH_PARTITIONS": "4",
            "CSATWATCH_STATE_DIR": str(job.state / "state"),
            "CSATWATCH_POLICY": str(job.state / "policy.yaml"),
            "CSATWATCH_METRICS_BIND": "127.0.0.1:0",
            "CSATWATCH_LOG_FORMAT": "json",
        }

    def alerts(self, job: Job) -> str:
        """One topic for all runs on a feed."""
        return job.prefix + ALERTS

    def group(self, job: Job) -> str:
        """The detector's."""
        return f"{job.tag}-detect"


CSATWATCH = Csatwatch("csatwatch")
KAFKA_STREAMS = KafkaStreams("Kafka Streams, 1 thread")
FAUST = StockFaust("stock_faust", "Faust as one writes it", state=_CHANGELOG, package="faust-streaming")
ENGINES: Mapping[str, Engine] = {
    "csatwatch": CSATWATCH,
    "csatwatch-2": Csatwatch("csatwatch, 2 workers", workers=2),
    "plain": Module("plain", "confluent-kafka in a loop", state=_LOST, package="confluent-kafka"),
    "kafka-streams": KAFKA_STREAMS,
    "kafka-streams-2": KafkaStreams("Kafka Streams, 2 threads", threads=2),
    "bytewax": Bytewax("bytewax_flow", "Bytewax", state=_SNAPSHOTS, package="bytewax"),
    "faststream": Module("fast_stream", "FastStream, in batches", state=_LOST, package="faststream"),
    "quix": Module("quix", "Quix Streams", state=_CHANGELOG, package="quixstreams"),
    "faust": FAUST,
}
