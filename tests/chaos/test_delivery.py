"""Each alert is delivered once, whatever fails: a slice of it with every test, and the whole of it with all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.delivery import Plan, Report, run
from tests.servers.databases import databases
from tests.servers.kafka import KafkaServer


@pytest.fixture
async def dsn(tmp_path: Path) -> AsyncIterator[str]:
    """A database on a server of its own, which may crash."""
    async with databases(tmp_path / "server") as server, server.fresh() as made:
        yield made


def _good(report: Report) -> None:
    assert not report.violations, "\n".join(report.violations[:20])
    # The faults came, and somebody looked before a message was sent again.
    assert report.calls["lost"] > 0
    assert report.looked > 0


@pytest.mark.timeout(420)
async def test_a_few_faults_repeat_nothing(kafka: KafkaServer, dsn: str, tmp_path: Path, topic_prefix: str) -> None:
    plan = Plan(seed=5, alerts=160, people=40, kills=3, crashes=1)
    _good(await run(plan, tmp_path, kafka, dsn, topic_prefix))


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_many_faults_repeat_nothing(kafka: KafkaServer, dsn: str, tmp_path: Path, topic_prefix: str) -> None:
    plan = Plan(seed=11, alerts=2000, people=100, kills=20, crashes=2, within=900)
    _good(await run(plan, tmp_path, kafka, dsn, topic_prefix))


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.parametrize("mutation", ["repeats_blindly"])
async def test_without_a_protection_something_is_repeated(
    kafka: KafkaServer, dsn: str, tmp_path: Path, topic_prefix: str, mutation: str
) -> None:
    plan = Plan(seed=5, alerts=160, people=40, kills=3, crashes=1, mutations=mutation)
    report = await run(plan, tmp_path, kafka, dsn, topic_prefix)
    assert any("two messages" in each for each in report.violations)
