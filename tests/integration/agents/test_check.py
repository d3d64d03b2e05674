from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Broker
from tests.servers.fake_slack import APP_TOKEN, FakeSlack
from tests.servers.mail import MailServer
from tests.servers.processes import Csatwatch, csatwatch
from tests.servers.topics import grow_topic


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path).running() as server:
        yield server


@pytest.fixture
def settings(broker: Broker, topic_prefix: str, postgres: str, slack: FakeSlack, mail: MailServer) -> dict[str, str]:
    return {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
        "CSATWATCH_SLACK_API_URL": slack.url,
        "CSATWATCH_SLACK_APP_TOKEN": APP_TOKEN,
        **mail.settings,
    }


async def test_all_is_well_once_the_topics_are_there(settings: dict[str, str], tmp_path: Path) -> None:
    before = await csatwatch("check", settings=settings, directory=tmp_path)
    assert before.code == 1
    assert "csat-events: run csatwatch topics create\n" in before.stdout
    await csatwatch("topics", "create", settings=settings, directory=tmp_path)
    after = await csatwatch("check", settings=settings, directory=tmp_path)
    assert after.code == 0
    assert [line for line in after.stdout.splitlines() if "tests hold" not in line] == [
        f"{name}: ok"
        for name in (
            "settings",
            "policy",
            "texts",
            "workflows",
            "sources",
            "kafka",
            "postgres",
            "slack",
            "clicks",
            "mail",
        )
    ]


@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
async def test_what_would_stop_a_start_is_found_before(
    settings: dict[str, str], broker: Broker, postgres: str, tmp_path: Path
) -> None:
    await csatwatch("topics", "create", settings=settings, directory=tmp_path)
    alerts = settings["CSATWATCH_TOPIC_PREFIX"] + "alerts"
    await grow_topic(broker.bootstrap, alerts, 9)
    connection = await asyncpg.connect(postgres)
    await connection.execute(
        "insert into migrations (number, name, checksum, breaks) "
        "select max(number) + 1, '9999_next.sql', '', true from migrations"
    )
    await connection.close()
    finished = await csatwatch("check", settings=settings, directory=tmp_path)
    assert finished.code == 1
    assert (
        f"csat-events has 8 partitions and {alerts} has 9: run csatwatch topics grow --partitions 9" in finished.stdout
    )
    assert "postgres: failed: the database is newer than this csatwatch can work with" in finished.stdout


async def test_what_a_workflow_expects_and_does_not_give_is_bad_input(settings: dict[str, str], tmp_path: Path) -> None:
    files = tmp_path / "workflows"
    files.mkdir()
    (files / "mine.yaml").write_text(
        "workflow: mine\nversion: 1\ntrigger:\n  type: event\n  event: support_csat_received\n"
        "  filter: { rating: { lte: 1 } }\n"
        "steps:\n  - { id: call, action: create_task, config: { title: Call } }\n"
        "tests:\n  - name: also a two\n    given: { rating: 2 }\n    expect: [call]\n"
    )
    wrong = await csatwatch("check", settings=settings | {"CSATWATCH_WORKFLOWS": str(files)}, directory=tmp_path)
    assert wrong.code == 2
    where = f"workflows: failed: {files / 'mine.yaml'}:12: tests.also a two.expect: "
    assert f"{where}expected call, the workflow gives no step\n" in wrong.stdout
    (files / "mine.yaml").write_text(
        (files / "mine.yaml").read_text().replace("given: { rating: 2 }", "given: { rating: 1 }")
    )
    warned = await csatwatch("check", settings=settings | {"CSATWATCH_WORKFLOWS": str(files)}, directory=tmp_path)
    assert "workflows: 1 test holds\n" in warned.stdout
    assert "workflows: warning: no workflow handles a rating of 2, on which the policy alerts" in warned.stdout
    assert "workflows: warning: no workflow handles weekly_digest" in warned.stdout


async def test_a_token_that_slack_refuses_is_named_and_not_shown(settings: dict[str, str], tmp_path: Path) -> None:
    wrong = {**settings, "CSATWATCH_SLACK_BOT_TOKEN": "xoxb-wrong"}
    finished = await csatwatch("check", settings=wrong, directory=tmp_path)
    assert finished.code == 1
    assert "slack: failed: refuses the token (invalid_auth): correct CSATWATCH_SLACK_BOT_TOKEN\n" in finished.stdout
    assert "xoxb-wrong" not in finished.stdout + finished.stderr


async def test_the_apps_token_and_the_mail_server_are_tried_and_their_secrets_not_shown(
    settings: dict[str, str], mail: MailServer, tmp_path: Path
) -> None:
    wrong = settings | {
        "CSATWATCH_SLACK_APP_TOKEN": "xapp-wrong",
        "CSATWATCH_SMTP_URL": f"smtp://csatwatch:wrong-word@localhost:{mail.port}",
    }
    finished = await csatwatch("check", settings=wrong, directory=tmp_path)
    assert finished.code == 1
    assert (
        "clicks: failed: refuses the app's token (invalid_auth): correct CSATWATCH_SLACK_APP_TOKEN\n" in finished.stdout
    )
    assert "mail: failed: the mail server refuses the user or the password (535)" in finished.stdout
    assert "xapp-wrong" not in finished.stdout + finished.stderr
    assert "wrong-word" not in finished.stdout + finished.stderr


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
