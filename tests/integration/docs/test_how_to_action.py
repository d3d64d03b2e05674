"""The action in docs/how-to-action.md, from its two blocks to what arrives: through the ledger, once."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from agents.courier import Courier, Load
from agents.own_actions import own_actions
from agents.workflows import documents, workflows
from schemas.alert import Alert, Status
from schemas.delivery import Change, LedgerRow
from schemas.digest import Digest
from schemas.policy import load_policy
from sinks.backoff import Backoff
from sinks.ledger import Ledger, Revision
from sinks.postgres import connect
from streams.rehearse import rehearse
from streams.route import changes
from tests.alerts import AT, alert
from tests.integration.docs.blocks import ROOT, blocks
from tests.servers.fake_http import Call, FakeHttp, Said
from tests.servers.slack_faults import Fault, Kind
from tests.servers.wait import until

PAGE = ROOT / "docs" / "how-to-action.md"
ADDRESS = "https://notes.example.com/api/notes"


class Notes(FakeHttp):
    """Keeps each note by its id."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: dict[str, str] = {}

    def name_of(self, method: str, path: str, body: bytes) -> str:
        del path, body
        return method

    async def answer(self, call: Call) -> Said:
        if call.headers.get("Authorization") != "Bearer secret":
            return Said(401)
        self.notes[call.body["id"]] = call.body["text"]
        return Said(201, {})


def write(directory: Path, url: str) -> None:
    code, workflow = blocks(PAGE)
    (directory / "post_note.py").write_text(code.text)
    (directory / "notes.yaml").write_text(workflow.text.replace(ADDRESS, url))


@pytest.mark.runs("docs/how-to-action.md", "action", "workflow")
def test_what_the_page_shows_is_accepted_and_its_tests_hold(tmp_path: Path) -> None:
    write(tmp_path, ADDRESS)
    own = own_actions(tmp_path)
    (document,) = documents(tmp_path, {name: action.config for name, action in own.items()})
    for test in document.value.tests:
        assert rehearse(document.value, test, load_policy(None)) == []


@pytest.mark.runs("docs/how-to-action.md", "action", "workflow")
async def test_each_alert_has_one_note_whatever_goes_wrong(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTES_TOKEN", "secret")
    notes = Notes()
    async with notes.running(), await connect(postgres, size=4) as pool:
        write(tmp_path, notes.url)
        own = own_actions(tmp_path)
        followed = workflows(tmp_path, {name: action.config for name, action in own.items()})

        def decide(of: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
            return changes(of, followed, rows)

        kinds = [Fault(Kind.RATE_LIMITED, retry_after=0), *map(Fault, (Kind.SERVER_ERROR, Kind.LOST, Kind.DROPPED))]
        notes.faults.at_random(3, 0.3, kinds, ["POST"])
        ledger = Ledger(pool, lease=timedelta(minutes=1))
        await ledger.record([Revision(alert(response=f"r{number}"), AT) for number in range(10)], decide)
        bell = asyncio.Event()
        load = Load(slots=4, batch=1, limit=10.0, lease=60.0)
        backoff = Backoff(first=0.01, most=0.05)
        courier = Courier(ledger, "post_note", own["post_note"], load=load, backoff=backoff, wake=bell.set)
        await settle(pool, courier)
        assert len(notes.notes) == 10
        assert set(notes.notes.values()) == {"A customer is unhappy: critical, firing"}
        over = alert(response="r1", revision=2, status=Status.RETRACTED)
        await ledger.record([Revision(over, AT)], decide)
        await settle(pool, courier)
        assert "A customer is unhappy: critical, retracted" in notes.notes.values()
        assert len(notes.notes) == 10
        await courier.stop(1.0)
    assert "secret" not in json.dumps(notes.notes)


async def settle(pool: asyncpg.Pool, courier: Courier) -> None:
    async def all_done() -> bool:
        await courier.fill()
        return bool(await pool.fetchval("select bool_and(state = 'done') from deliveries"))

    await until(all_done, what="every note is posted")
