"""A real Apache Kafka of one node, for tests."""

import base64
import logging
import re
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.servers.jars import resolve
from tests.servers.java import java
from tests.servers.ports import free_ports
from tests.servers.tied import spawn

_POM = Path(__file__).with_name("pom.xml")
_START = 60.0  # seconds; 2.5 on an idle machine
_STOP = 30.0  # seconds; a controlled shutdown takes about one

_JVM = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # short runs: compile fast rather than well
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)

# One node that answers fast: no replicas, few internal partitions, no waiting for members.
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A killed broker is let in again only when its old session is over.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "8388608",
}


class KafkaServer:
    """One broker that is its own controller, on 127.0.0.1, without authentication.

    `directory` takes its data, its configuration and its log; `settings` are added to
    server.properties and win over the defaults above; `users` are known to it by SCRAM-SHA-512, by name with their
    passwords; `jvm` is how Java runs it. Data and port outlive `stop` and `kill`. The methods block; from a coroutine
    call them by `asyncio.to_thread`.
    """

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str] | None = None,
        *,
        users: Mapping[str, str] | None = None,
        jvm: Sequence[str] = _JVM,
    ) -> None:
        """Raises UnavailableError where Java or Kafka's jars cannot be had."""
        self._java = java()
        self._jars = resolve(_POM, self._java)
        self._jvm = jvm
        self._directory = directory
        self._extra = dict(settings or {})
        self._users = dict(users or {})
        self._log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self._controller_port = free_ports(2)

    @property
    def bootstrap(self) -> str:
        """`host:port`, as Kafka's clients take it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """`kafka://host:port`, as csatwatch's settings take it."""
        return f"kafka://{self.bootstrap}"

    @property
    def pid(self) -> int | None:
        """The broker's process id; None while it is down."""
        return self._process.pid if self._process else None

    def start(self) -> Self:
        """Start on what the directory holds, and return when the broker answers requests.

        Raises RuntimeError with the end of the broker's log when it does not come up.
        """
        if self._process is not None:
            message = f"Kafka on port {self.port} runs already"
            raise RuntimeError(message)
        self._directory.mkdir(parents=True, exist_ok=True)
        properties = self._directory / "server.properties"
        properties.write_text(self._properties())
        if not self._identity.exists():
            self._format(properties)
        with self._log.open("ab") as log:
            self._process = spawn(self._command("kafka.Kafka", properties), output=log)
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """SIGTERM: a controlled shutdown. Does nothing while it is down."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            message = f"Kafka did not stop within {_STOP:g} s: {self.log_end()}"
            raise RuntimeError(message) from None
        finally:
            self._process = None

    def kill(self) -> None:
        """SIGKILL. Does nothing while it is down."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop and start again, with the same data on the same port."""
        self.stop()
        self.start()

    def log_end(self) -> str:
        """The last lines of the broker's log."""
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def _properties(self) -> str:
        listeners = f"PLAINTEXT://{self.bootstrap}"
        settings = {
            **_SETTINGS,
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": listeners,
            "log.dirs": str(self._directory / "data"),
            **self._extra,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _command(self, main: str, *arguments: str | Path) -> list[str | Path]:
        return [self._java, *self._jvm, "-cp", f"{self._jars}/*", main, *arguments]

    @property
    def _identity(self) -> Path:
        return self._directory / "data" / "meta.properties"

    def _format(self, properties: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        scram = [f"--add-scram=SCRAM-SHA-512=[name={name},password={word}]" for name, word in self._users.items()]
        arguments: list[str | Path] = ["format", f"--cluster-id={cluster}", "-c", properties, *scram]
        done = subprocess.run(
            self._command("kafka.tools.StorageTool", *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            message = f"Kafka's storage could not be formatted: {done.stdout}{done.stderr}"
            raise RuntimeError(message)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        client = AdminClient(
            {"bootstrap.servers": self.bootstrap, "reconnect.backoff.max.ms": 100},
            logger=_quiet,  # it reports every refused connection until the broker listens
        )
        known = re.search(r"^cluster\.id=(.+)$", self._identity.read_text(), re.MULTILINE)
        cluster = known[1] if known else None
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline:
            if (code := process.poll()) is not None:
                message = f"Kafka ended with {code}: {self.log_end()}"
                raise RuntimeError(message)
            try:
                answer = client.list_topics(timeout=1.0)
            except KafkaException:
                continue
            # A broker is listed once the controller lets it take requests. By the cluster's id it is not
            # another one, which had the port already.
            if answer.brokers and answer.cluster_id == cluster:
                return
            time.sleep(0.05)
        message = f"Kafka did not answer within {_START:g} s: {self.log_end()}"
        raise RuntimeError(message)


_quiet = logging.getLogger(f"{__name__}.librdkafka")
_quiet.disabled = True
