"""Every block of the README does what the README says."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from agents.settings import load_settings
from tests.integration.docs.blocks import ROOT, blocks
from tests.integration.docs.npm import kafkajs
from tests.integration.docs.up import environment, make, up
from tests.servers.ports import free_ports
from tests.servers.processes import Csatwatch
from tests.servers.wait import until
from tests.signed_in import KEY, OPERATOR, by_link, header

if TYPE_CHECKING:
    from tests.servers.fake_slack import FakeSlack
    from tests.servers.kafka import KafkaServer

_BLOCKS = blocks(ROOT / "README.md")


def _texts(run: str) -> list[str]:
    return [block.text for block in _BLOCKS if block.run == run]


@pytest.mark.runs("README.md", "settings", "first", "processes", "shell", "python", "follow")
async def test_everything_but_the_demo(
    own_kafka: "KafkaServer", postgres: str, slack: "FakeSlack", tmp_path: Path
) -> None:
    (named,) = _texts("settings")
    (tmp_path / ".env").write_text(named)
    assert load_settings({}, tmp_path / ".env").kafka_url == "kafka://localhost:9092"
    (pages,) = free_ports(1)
    # Where things are here; what else is in the file counts.
    here = {
        "CSATWATCH_KAFKA_URL": own_kafka.url,
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
        "CSATWATCH_SLACK_API_URL": slack.url,
        "CSATWATCH_WEB_BIND": f"127.0.0.1:{pages}",
        "CSATWATCH_SESSION_KEY": KEY,
        "KAFKA": own_kafka.bootstrap,
    }
    for text in _texts("first"):
        assert ": ok\n" in await _run("bash", "-e", "-c", text, env=here, directory=tmp_path)

    (processes,) = _texts("processes")
    async with _running(processes, here, tmp_path):
        publish, tail = _texts("shell")
        assert "published 1 events" in await _run("bash", "-e", "-c", publish, env=here, directory=tmp_path)
        await until(slack.messages, what="the message of the rating from the command line")
        assert "poor_rating" in await _run("bash", "-e", "-c", tail, env=here, directory=tmp_path)

        for text in _texts("python"):
            await _run(sys.executable, "-c", text, env=here, directory=tmp_path)
        await until(lambda: len(slack.messages()) == 2, what="the message of the rating from Python")
        (follow,) = _texts("follow")
        await _follow(follow, here, tmp_path)
        operator = aiohttp.ClientSession(headers=header(OPERATOR))
        async with operator as http, http.get(f"http://127.0.0.1:{pages}/") as page:
            assert "GlobalTech" in await page.text()


@pytest.mark.runs("README.md", "node")
async def test_a_rating_from_javascript(
    own_kafka: "KafkaServer", postgres: str, slack: "FakeSlack", tmp_path: Path
) -> None:
    here = {"CSATWATCH_KAFKA_URL": own_kafka.url, "CSATWATCH_POSTGRES_DSN": postgres, "KAFKA": own_kafka.bootstrap}
    here |= {"CSATWATCH_SLACK_BOT_TOKEN": slack.token, "CSATWATCH_SLACK_API_URL": slack.url}
    here["CSATWATCH_SLACK_FALLBACK_CHANNEL"] = "C0ALERTS"
    await asyncio.to_thread(kafkajs, tmp_path)
    await _run("csatwatch", "topics", "create", env=here, directory=tmp_path)

    async with _running("csatwatch detect\ncsatwatch deliver\n", here, tmp_path) as (detect, _):
        for text in _texts("node"):
            await _run("node", "-e", text, env=here, directory=tmp_path)
        await until(slack.messages, what="the message of the rating from JavaScript")
        # It chose the right partition by itself.
        assert 'result="rerouted"' not in await detect.metrics()


@pytest.mark.runs("README.md", "demo")
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_ends_with_nothing_lost(tmp_path: Path) -> None:
    (text,) = _texts("demo")
    done = subprocess.run(make(text)[0], capture_output=True, text=True, check=False, cwd=ROOT, env=environment({}))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "GlobalTech" in done.stdout
    assert done.stdout.rstrip().endswith("0 lost")


@pytest.mark.runs("README.md", "up")
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_up_shows_a_page_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    (text,) = _texts("up")
    async with up(text, ROOT, tmp_path / "up.log") as found:
        assert found.page is not None
        async with by_link() as http, http.get(found.page) as answer:
            assert answer.status == 200


@asynccontextmanager
async def _running(text: str, env: Mapping[str, str], directory: Path) -> AsyncIterator[list[Csatwatch]]:
    """Each line of the block as a process, ready."""
    commands = [line.split() for line in text.splitlines()]
    assert all(program == "csatwatch" for program, _ in commands)
    async with AsyncExitStack() as stack:
        processes = [Csatwatch(command, env, directory) for _, command in commands]
        await asyncio.gather(*(stack.enter_async_context(process) for process in processes))
        yield processes


async def _run(*command: str, env: Mapping[str, str], directory: Path) -> str:
    """What the command said, once it has ended well."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=environment(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, said.decode()
    return said.decode()


async def _follow(text: str, env: Mapping[str, str], directory: Path) -> None:
    """Runs a program that never ends until it has shown an alert."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", text, cwd=directory, env=environment(env), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert b"firing poor_rating" in line
    finally:
        process.kill()
        # Its pipe is read to the end, so that nothing of it is left.
        await process.communicate()
