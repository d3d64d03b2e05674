from pathlib import Path

import pytest

from tests.conftest import Broker
from tests.servers.fake_slack import FakeSlack
from tests.servers.processes import Csatwatch, csatwatch


@pytest.fixture
def settings(broker: Broker, topic_prefix: str, postgres: str, slack: FakeSlack) -> dict[str, str]:
    return {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
        "CSATWATCH_SLACK_API_URL": slack.url,
    }


async def test_all_is_well_once_the_topics_are_there(settings: dict[str, str], tmp_path: Path) -> None:
    before = await csatwatch("check", settings=settings, directory=tmp_path)
    assert before.code == 1
    assert "csat-events: run csatwatch topics create\n" in before.stdout
    await csatwatch("topics", "create", settings=settings, directory=tmp_path)
    after = await csatwatch("check", settings=settings, directory=tmp_path)
    assert after.code == 0
    assert after.stdout.splitlines() == [
        f"{name}: ok" for name in ("settings", "policy", "workflows", "kafka", "postgres", "slack")
    ]


async def test_a_token_that_slack_refuses_is_named_and_not_shown(settings: dict[str, str], tmp_path: Path) -> None:
    wrong = {**settings, "CSATWATCH_SLACK_BOT_TOKEN": "xoxb-wrong"}
    finished = await csatwatch("check", settings=wrong, directory=tmp_path)
    assert finished.code == 1
    assert "slack: failed: refuses the token (invalid_auth): correct CSATWATCH_SLACK_BOT_TOKEN\n" in finished.stdout
    assert "xoxb-wrong" not in finished.stdout + finished.stderr


async def test_the_pages_are_served_until_the_signal(postgres: str, tmp_path: Path) -> None:
    settings = {"CSATWATCH_POSTGRES_DSN": postgres, "CSATWATCH_WEB_BIND": "127.0.0.1:0"}
    async with Csatwatch("web", settings, tmp_path, "--banner", "a banner") as process:
        assert await process.get("/livez") == 200
        assert await process.terminate() == 0
    assert "http://127.0.0.1:" in process.log


async def test_an_address_that_cannot_be_had_is_bad_input(postgres: str, tmp_path: Path) -> None:
    settings = {"CSATWATCH_POSTGRES_DSN": postgres, "CSATWATCH_WEB_BIND": "192.0.2.1:8080"}
    finished = await csatwatch("web", settings=settings, directory=tmp_path)
    assert finished.code == 2
    assert "csatwatch: CSATWATCH_WEB_BIND is 192.0.2.1:8080: cannot listen there" in finished.stderr
    assert "Traceback" not in finished.stderr
