import sys
from pathlib import Path

import pytest

from tests.conftest import Broker
from tests.integration.agents.tiny import WORDS
from tests.servers.ports import free_ports
from tests.servers.processes import Csatwatch
from tests.servers.topics import create_topics
from tests.servers.wait import until

PROGRAM = (sys.executable, "-m", "tests.integration.agents.tiny")


@pytest.fixture
async def settings(broker: Broker, topic_prefix: str, tmp_path: Path) -> dict[str, str]:
    await create_topics(broker.bootstrap, {f"{topic_prefix}tiny": 2})
    return {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}app",
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
    }


async def test_a_signal_stops_it_cleanly(settings: dict[str, str], tmp_path: Path) -> None:
    async with Csatwatch("run", settings, tmp_path, program=PROGRAM) as process:
        assert await process.get("/livez") == 200
        assert await process.terminate() == 0
    assert process.log.count("entered") == process.log.count("left") == 1
    assert process.log.rstrip().endswith("left")


@pytest.mark.parametrize("how", ["crash", "raise", "stop"])
async def test_a_crash_is_an_exit_code_without_a_customers_words(
    how: str, settings: dict[str, str], tmp_path: Path
) -> None:
    process = Csatwatch(how, settings, tmp_path, program=PROGRAM).start()
    assert await process.ended(60) == 1
    assert "left" in process.log
    assert WORDS not in process.log
    assert {"crash": "RuntimeError", "raise": "ValueError", "stop": "ended by itself"}[how] in process.log


async def test_a_stop_that_hangs_is_cut_off(settings: dict[str, str], tmp_path: Path) -> None:
    process = await Csatwatch("hang", settings, tmp_path, program=PROGRAM).start().ready()
    assert await process.terminate() == 1
    assert "cut off: the stop took too long" in process.log


async def test_it_waits_for_the_broker_alive_and_not_ready(tmp_path: Path) -> None:
    url = f"kafka://127.0.0.1:{free_ports(1)[0]}"
    process = Csatwatch("run", {"CSATWATCH_KAFKA_URL": url}, tmp_path, program=PROGRAM).start()
    await until(lambda: process.log.count("waiting for kafka") > 1, what="it says what it waits for")
    assert (await process.get("/livez"), await process.get("/readyz")) == (200, 503)
    assert url in process.log
    assert await process.terminate() == 0
    assert "entered" not in process.log
