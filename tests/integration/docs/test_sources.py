"""docs/sources.md: its bodies and its mapping are taken, its commands run, its scales are those of the program."""

import asyncio
import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from agents.cli import program
from agents.polls import POLLS
from schemas.scale import SCALES
from schemas.source import Source
from schemas.yaml_file import parse
from streams.sources.answer import email_of
from streams.sources.rehearse import rehearse
from streams.topology import DEAD_LETTERS, EVENTS
from tests.integration.docs.blocks import ROOT, blocks
from tests.servers.fake_sources import TOKEN, USER, FakeSources
from tests.servers.topics import create_topics, read_all
from tests.sources import CUSTOMER, EXAMPLES, SOURCES, answers

if TYPE_CHECKING:
    from tests.servers.kafka import KafkaServer

PAGE = ROOT / "docs" / "sources.md"
TEXT = PAGE.read_text(encoding="utf-8")
_FILLED = {
    "ticket.id": "35436",
    "satisfaction.current_comment": "Too slow",
    "ticket.satisfaction_survey_comment": "Too slow",
    "ticket.updated_at_with_timestamp": "2026-05-04T09:30:00Z",
    "ticket.requester.email": "rosa@globaltech.example",
    "ticket.organization.external_id": CUSTOMER,
    "ticket.company.csatwatch_customer_id": CUSTOMER,
}


@pytest.mark.runs("docs/sources.md", "zendesk", "freshdesk")
@pytest.mark.parametrize("source", ["zendesk", "freshdesk"])
def test_the_body_that_a_rule_posts_is_mapped(source: str) -> None:
    (block,) = [each for each in blocks(PAGE) if each.run == source]
    filled = re.sub(r"\{\{(.*?)\}\}", lambda match: _FILLED.get(match[1], ""), block.text)
    (found,) = answers(source, "webhook", json.loads(filled))
    event = found.unowned
    assert (found.customer, event.rating, event.feedback, event.survey) == (CUSTOMER, 1, "Too slow", f"{source}-35436")
    assert email_of(event) == "rosa@globaltech.example"


@pytest.mark.runs("docs/sources.md", "mapping")
def test_the_mapping_of_ones_own_holds_its_test() -> None:
    (block,) = [each for each in blocks(PAGE) if each.run == "mapping"]
    source = parse(Source, block.text, "smiley.yaml")
    (test,) = source.tests
    assert list(rehearse(source, test, datetime(2026, 5, 5, tzinfo=UTC))) == []


def test_the_table_of_scales_is_that_of_the_program() -> None:
    found = {}
    for name, values in re.findall(r"^\| `([\w-]+)` \| (.*: \d.*) \|$", TEXT, re.MULTILINE):
        table: dict[str, int] = {}
        for part in values.split("; "):
            raws, _, to = part.rpartition(": ")
            table |= dict.fromkeys(raws.split(", "), int(to))
        found[name] = table
    assert found == SCALES


def test_what_is_said_of_each_source_is_so() -> None:
    for name, source in SOURCES.items():
        for form in (source.webhook, source.record):
            assert form is not None
        assert source.webhook is not None
        assert f"`{source.webhook.rating.scale.name}`" in TEXT
        assert f"/sources/{name}`" in TEXT
        assert f"| {name} | " in TEXT
    assert set(POLLS) == set(SOURCES)


@pytest.mark.runs("docs/sources.md", "shell")
async def test_the_commands_run(kafka: "KafkaServer", topic_prefix: str, postgres: str, tmp_path: Path) -> None:
    await create_topics(kafka.bootstrap, {topic_prefix + name: 1 for name in (EVENTS, DEAD_LETTERS)})
    (tmp_path / "ratings.json").write_bytes((EXAMPLES / "zendesk_record.json").read_bytes())
    csv = (EXAMPLES / "chatwoot.csv").read_text(encoding="utf-8")
    (tmp_path / "csat.csv").write_text(csv)
    commands = [line for each in blocks(PAGE) if each.run == "shell" for line in each.text.splitlines()]
    assert len(commands) == 4
    vendor = FakeSources()
    vendor.ratings = {"zendesk": [], "freshdesk": []}
    async with vendor.running():
        settings = {
            "CSATWATCH_KAFKA_URL": kafka.url,
            "CSATWATCH_TOPIC_PREFIX": topic_prefix,
            "CSATWATCH_POSTGRES_DSN": postgres,
            "CSATWATCH_SOURCE_ZENDESK_URL": vendor.url,
            "CSATWATCH_SOURCE_ZENDESK_USER": USER,
            "CSATWATCH_SOURCE_ZENDESK_TOKEN": TOKEN,
            "CSATWATCH_SOURCE_FRESHDESK_URL": vendor.url,
            "CSATWATCH_SOURCE_FRESHDESK_TOKEN": TOKEN,
        }
        for command in commands:
            name, *arguments = shlex.split(command)
            assert name == "csatwatch"
            here = [str(tmp_path / each) if (tmp_path / each).is_file() else each for each in arguments]
            done = await asyncio.to_thread(CliRunner(env=settings).invoke, program, here)
            assert done.exit_code == 0, done.output
    letters = await read_all(kafka.bootstrap, topic_prefix + DEAD_LETTERS)
    assert len(letters) == 2, "of customers that are not known here"
