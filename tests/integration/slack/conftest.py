from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from sinks.postgres import connect
from streams.topology import ACTIONS, ALERTS, TRENDS
from tests.conftest import Broker
from tests.integration.slack.house import CHANNELS, PEOPLE, SECRET, House
from tests.servers.fake_slack import APP_TOKEN, FakeSlack
from tests.servers.mail import MailServer
from tests.servers.ports import free_ports
from tests.servers.topics import create_topics


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=4) as connected:
        yield connected


@pytest.fixture
def workspace() -> Iterator[FakeSlack]:
    with FakeSlack(PEOPLE, CHANNELS) as slack:
        yield slack


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path).running() as server:
        yield server


@pytest.fixture
async def house(
    broker: Broker,
    topic_prefix: str,
    postgres: str,
    pool: asyncpg.Pool,
    workspace: FakeSlack,
    mail: MailServer,
    tmp_path: Path,
) -> House:
    await create_topics(broker.bootstrap, {topic_prefix + name: 2 for name in (ACTIONS, ALERTS, TRENDS)})
    (port,) = free_ports(1)
    settings = {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_KAFKA_TRANSACTIONS": str(broker.transactions).lower(),
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": "2",
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        "CSATWATCH_SLACK_BOT_TOKEN": workspace.token,
        "CSATWATCH_SLACK_APP_TOKEN": APP_TOKEN,
        "CSATWATCH_SLACK_SIGNING_SECRET": SECRET,
        "CSATWATCH_SLACK_API_URL": workspace.url,
        "CSATWATCH_SLACK_TIMEOUT_SECONDS": "1",
        "CSATWATCH_SLACK_MANAGERS": "cleo@example.com",
        "CSATWATCH_SMTP_TIMEOUT_SECONDS": "1",
        "CSATWATCH_WEB_BIND": f"127.0.0.1:{port}",
        **mail.settings,
    }
    return House(broker, topic_prefix, pool, workspace, mail, settings, tmp_path, f"http://127.0.0.1:{port}")
