"""A migration leaves a database that the processes of the release before still work with, or says that it does not."""

import re
from pathlib import Path

import pytest

_DIRECTORY = Path(__file__).parents[3] / "sinks" / "sql" / "migrations"
_FIRST = 7
"""Those before came with the first release: nothing older runs beside them."""
_TAKES_AWAY = re.compile(
    r"\bdrop\s+(table|column|view|function|constraint|index|type)\b|\brename\b|\btruncate\b"
    r"|\balter\s+(column\s+)?\w+\s+(type|set\s+data\s+type|set\s+not\s+null|drop\s+default)\b"
    r"|\badd\s+(constraint|check|unique|primary|foreign)\b|\brevoke\b",
    re.IGNORECASE,
)
_MUST_BE_GIVEN = re.compile(r"\badd\s+column\b(?![^,;]*\bdefault\b)[^,;]*\bnot\s+null\b", re.IGNORECASE)
_SAYS_SO = re.compile(r"^-- breaks older releases: \S", re.MULTILINE)


def in_the_way(sql: str) -> list[str]:
    """What in it an older process may stumble over, unless it is said."""
    if _SAYS_SO.search(sql):
        return []
    bare = re.sub(r"--.*", "", sql)
    return [found[0] for pattern in (_TAKES_AWAY, _MUST_BE_GIVEN) for found in pattern.finditer(bare)]


@pytest.mark.parametrize("path", sorted(_DIRECTORY.glob("*.sql")), ids=lambda path: path.stem)
def test_a_migration_adds_or_says_that_it_breaks(path: Path) -> None:
    if int(path.stem[:4]) >= _FIRST:
        assert in_the_way(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("drop table a", 1),
        ("alter table a drop column b", 1),
        ("alter table a rename column b to c", 1),
        ("alter table a alter column b type text", 1),
        ("alter table a alter b set not null", 1),
        ("alter table a add column b int not null", 1),
        ("alter table a add column b int not null default 1, add column c text", 0),
        ("alter table a add constraint c check (b > 0)", 1),
        ("create table a (b int not null, primary key (b))", 0),
        ("-- drop table a\ncreate index i on a (b)", 0),
        ("-- breaks older releases: they write a\ndrop table a", 0),
    ],
)
def test_what_takes_away_is_found(sql: str, found: int) -> None:
    assert len(in_the_way(sql)) == found
