"""`csatwatch outcomes` on a real Postgres."""

from pathlib import Path

from schemas.outcome import Outcomes, Verdict
from tests.servers.processes import csatwatch


async def test_what_is_too_little_is_said_to_be(postgres: str, tmp_path: Path) -> None:
    settings = {"CSATWATCH_POSTGRES_DSN": postgres}
    done = await csatwatch("outcomes", settings=settings, directory=tmp_path)
    assert done.code == 0
    assert done.stdout.count("too little data: ") == 4
    assert "Satisfaction after a follow-up\n  too little data: only 0 customers with a follow-up" in done.stdout
    done = await csatwatch("outcomes", "--json", settings=settings, directory=tmp_path)
    found = Outcomes.from_json(done.stdout)
    assert {each.verdict for each in found.comparisons} == {Verdict.TOO_LITTLE}


async def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    settings = {"CSATWATCH_POSTGRES_DSN": "postgresql://nobody:secret@127.0.0.1:1/none"}
    done = await csatwatch("outcomes", settings=settings, directory=tmp_path)
    assert done.code == 1
    assert "Postgres cannot be used" in done.stderr
    assert "secret" not in done.stderr
