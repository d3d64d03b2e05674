"""The subscribers of the page, in three languages, against a real Kafka."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schemas.alert import Alert, Status
from schemas.digest import Digest
from sinks.postgres import connect
from tests.alerts import alert, trend
from tests.conftest import available
from tests.digests import everything
from tests.integration.docs.blocks import ROOT, blocks
from tests.integration.docs.npm import kafkajs
from tests.servers.jars import resolve
from tests.servers.java import java
from tests.servers.topics import Record, create_topics, lag, produce
from tests.servers.unavailable import UnavailableError
from tests.servers.wait import until

if TYPE_CHECKING:
    from tests.servers.kafka import KafkaServer

PAGE = ROOT / "docs" / "how-to-subscribe.md"
_TEXTS = {block.run: block.text for block in blocks(PAGE)}
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>csatwatch.tests</groupId><artifactId>subscriber</artifactId><version>1</version>
{dependencies}</project>
"""


def _python(directory: Path) -> Sequence[str]:
    del directory
    return [sys.executable, "-c", _TEXTS["python"]]


def _java(directory: Path) -> Sequence[str]:
    with available():
        program, compiler = java(), shutil.which("javac")
        if compiler is None:
            raise UnavailableError("no javac on PATH: install a JDK")
        (directory / "pom.xml").write_text(_POM.format(dependencies=_TEXTS["pom"]))
        jars = resolve(directory / "pom.xml", program)
    (directory / "Subscriber.java").write_text(_TEXTS["java"])
    path = f"{jars}/*{os.pathsep}{directory}"
    subprocess.run([compiler, "-Xlint:all", "-Werror", "-cp", path, directory / "Subscriber.java"], check=True)
    return [str(program), "-XX:TieredStopAtLevel=1", "-cp", path, "Subscriber"]


def _node(directory: Path) -> Sequence[str]:
    kafkajs(directory)
    return ["node", "-e", _TEXTS["node"]]


@pytest.mark.runs("docs/how-to-subscribe.md", "python", "pom", "java", "node")
@pytest.mark.parametrize("prepare", [_python, _java, _node])
async def test_each_alert_is_handled_once_whatever_comes_and_whatever_fails(
    kafka: "KafkaServer", topic_prefix: str, tmp_path: Path, prepare: Callable[[Path], Sequence[str]]
) -> None:
    topic, bootstrap = f"{topic_prefix}alerts", kafka.bootstrap
    command = await asyncio.to_thread(prepare, tmp_path)
    await create_topics(bootstrap, {topic: 3})
    poor, falling, silent = alert(), trend(), alert(response="old", silent=True)
    await produce(bootstrap, topic, map(_record, _changes(poor, falling, silent)))

    async def run(group: str) -> tuple[asyncio.subprocess.Process, str]:
        named = f"{topic_prefix}{group}"
        env = {**os.environ, "KAFKA": bootstrap, "TOPIC": topic, "GROUP": named}
        out = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=env, stdout=out, stderr=out), named

    async def handled(group: str) -> list[str]:
        """What it does until all is committed; it ends when it is asked to."""
        process, named = await run(group)
        try:

            async def done() -> bool:
                assert process.returncode is None, (await process.communicate())[1].decode()
                return await lag(bootstrap, named, topic) == 0

            await until(done, what="all alerts committed", within=60)
        finally:
            if process.returncode is None:
                process.terminate()
            said, wrong = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode in {0, 143}, wrong  # Java says 143 of every end by SIGTERM
        return said.decode().splitlines()

    lines = await handled("first")
    of_poor = [line for line in lines if str(poor.alert_id) in line]
    assert of_poor == [f"open {poor.alert_id} 1", f"open {poor.alert_id} 2", f"close {poor.alert_id} 3"]
    of_falling = [line for line in lines if str(falling.alert_id) in line]
    assert of_falling == [f"open {falling.alert_id} 1", f"close {falling.alert_id} 2"]
    assert len(lines) == 5

    # The work on one fails: it is not committed, and comes again, with all that was handled before.
    one = alert(response="one more")
    await produce(bootstrap, topic, [_record(one.model_dump(mode="json"))])
    in_the_way = tmp_path / "alerts-seen" / f"{one.alert_id}.json"
    in_the_way.mkdir()
    process, named = await run("first")
    _, wrong = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1, wrong
    assert await lag(bootstrap, named, topic) == 1
    in_the_way.rmdir()
    again = await handled("second")
    assert again == [f"open {one.alert_id} 1"]


def _changes(poor: Alert, falling: Alert, silent: Alert) -> list[dict[str, Any]]:
    first, second, last = (poor.model_copy(update={"revision": n, "status": s}) for n, s in _LIFE)
    with_more = second.model_dump(mode="json") | {"mood": {"a": [1]}}
    with_more["ticket"]["shoe_size"] = 44
    over = falling.model_copy(update={"revision": 2, "status": Status.RESOLVED})
    plain: list[Alert | Digest | dict[str, Any]] = [
        *(first, first, with_more, falling, first, last, second, over, falling, silent, everything())
    ]
    values = [each if isinstance(each, dict) else json.loads(each.to_json()) for each in plain]
    return [*values, {"schema": 1, "kind": "kudos", "words": "unknown", "customer_id": poor.customer_id}]


_LIFE = [(1, Status.FIRING), (2, Status.UPDATED), (3, Status.RETRACTED)]


def _record(value: dict[str, Any]) -> Record:
    return Record(value=json.dumps(value).encode(), key=str(value.get("customer_id", "ana@example.com")).encode())


@pytest.mark.runs("docs/how-to-subscribe.md", "table", "upsert")
async def test_the_statement_takes_what_is_new_alone(postgres: str) -> None:
    poor = alert()
    async with await connect(postgres, size=1) as pool:
        await pool.execute(_TEXTS["table"])
        for revision, taken in ((1, True), (1, False), (3, True), (2, False)):
            found = await pool.fetch(_TEXTS["upsert"], poor.alert_id, revision, "firing")
            assert bool(found) is taken
        assert await pool.fetchval("select revision from alerts_seen") == 3
