"""A claimed row of the ledger as a delivery."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg

from schemas.action import ActionKind
from schemas.alert import Kind, Severity
from schemas.delivery import State
from schemas.digest import parse
from schemas.life import Deed, Life, life
from schemas.notice import Main, Neighbour
from sinks.base import Delivery

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = frozenset(ActionKind)

Json = Mapping[str, Any]


def delivery(row: asyncpg.Record, token: str) -> Delivery:
    """What the query `claim` returned, under the claim `token`. Raises `pydantic.ValidationError`."""
    return Delivery(
        alert=parse(row["record"]),
        claim=token,
        step=row["step"],
        sink=row["sink"],
        lane=row["lane"],
        config=row["config"],
        shown_revision=row["shown_revision"],
        destination=row["destination"],
        external_id=row["external_id"],
        thread=row["thread"],
        uncertain=row["uncertain"],
        attempts=row["attempts"],
        life=_life(row["actions"] or ()),
        main=_main(row["main"]),
        neighbours=tuple(_neighbour(each) for each in row["neighbours"] or ()),
        created_at=row["created_at"],
        published_at=row["published_at"],
        claimed_at=row["claimed_at"],
        shown_at=row["shown_at"],
        restored=row["restored"],
        allowed_at=row["allowed_at"],
        traceparent=row["traceparent"],
    )


def _life(actions: Iterable[Json]) -> Life:
    return life((_deed(each), _time(each["until"])) for each in actions if each["kind"] in _KINDS)


def _deed(row: Json) -> Deed:
    return Deed(
        ActionKind(row["kind"]),
        row["by"],
        _time(row["at"]) or _EPOCH,
        row["note"],
        _time(row["starts_at"]),
        row.get("link"),
    )


def _main(row: Json | None) -> Main | None:
    if row is None:
        return None
    return Main(
        State(row["state"]),
        row["destination"],
        row["external_id"],
        row["thread"],
        _time(row["shown_at"]),
        tuple(row.get("failed") or ()),
    )


def _neighbour(row: Json) -> Neighbour:
    return Neighbour(
        Kind(row["kind"]),
        Severity(row["severity"]),
        row["ticket_id"],
        row["channel"],
        row["ts"],
        _time(row["shown_at"]),
        row["handled"],
        _time(row["snoozed_until"]),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
