"""The operators' page: whether everything runs, what is behind, what did not go through. Without customers' words."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.action import Action, ActionKind
from schemas.delivery import State
from web.database import Database, Unavailable
from web.export import whole
from web.publish import Publish, system_action
from web.templates import Templates
from web.viewer import form_of, viewer_of

ALL, WAITING = "all", "waiting"
"""What a form names in place of one dead letter: all that are no events, or all answers of unknown customers."""

_PLACE = re.compile(r"\d{1,9}:\d{1,18}", re.ASCII)
_CUSTOMER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_FAILED = (State.FAILED, State.UNKNOWN)
_DONE, _DONE_IN_FILE = 20, 10_000  # of what was done to csatwatch itself
_DID: Mapping[str, str] = {
    ActionKind.SIGNED_OUT: "signed out",
    ActionKind.REPLAY_REQUESTED: "put back dead letters",
    ActionKind.LINK_REQUESTED: "asked for a sign-in link",
}

_FRESH = 5.0  # seconds
_Rows = Sequence[Mapping[str, Any]]
_Kept = tuple[_Rows, _Rows, str | None]

_log = structlog.get_logger(__name__)


class Away(Exception):
    """Kafka does not do it now; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process.

    Attributes:
        wrong: by check, why it is not ready; empty: it is.
        rates: what it does, a second, over the last minute; empty before the second look.
    """

    name: str
    url: str
    wrong: Mapping[str, str]
    version: str | None = None
    rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lag:
    """Records of a topic that the processes of a role have not committed yet."""

    role: str
    topic: str
    behind: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, without what is in it.

    Attributes:
        waits: it is a survey tool's answer, of which it is not known yet whose it is.
    """

    id: str
    at: datetime
    error: str
    message: str
    place: str
    replayed_at: datetime | None = None
    replayed_by: str | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class InForce:
    """What decides: the policy as YAML with its name and version, and each workflow with its steps; or why not."""

    policy: str
    policy_text: str
    workflows: Sequence[tuple[str, str, Sequence[str]]]
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """How things are.

    Attributes:
        parts: of which the address is known.
        away: why Kafka says nothing of `lags` and `letters`; None: it does.
        letters: the newest first.
        versions: of what, and which.
    """

    parts: Sequence[Part]
    lags: Sequence[Lag]
    letters: Sequence[Letter]
    away: str | None
    versions: Mapping[str, str]
    in_force: InForce


class Operations(Protocol):
    """What operators look at and do, outside of Postgres."""

    async def look(self) -> Situation:
        """How things are."""
        ...

    async def replay(
        self, letters: Sequence[str] | None, by: str, *, waiting: bool = False, customer: str | None = None
    ) -> int:
        """Put these dead letters back; None: all that were not yet, of those that wait or of the others.

        `customer`: whose answers they are, of letters that wait and are named. How many were. Raises `Away`, also where
        it is known of none whose it is.
        """
        ...


class OperatorPages:
    """`/operators`.

    Args:
        database: for what failed to go out.
        templates: the pages.
        operations: everything else.
        publish: returns once what was done is on `csm-actions`; None: it is not recorded.
        links: whether an operator can ask for a sign-in link.
    """

    def __init__(
        self,
        database: Database,
        templates: Templates,
        operations: Operations,
        publish: Publish | None = None,
        *,
        links: bool,
    ) -> None:
        self._database = database
        self._templates = templates
        self._operations = operations
        self._publish = publish
        self._links = links
        self._asking = asyncio.Lock()
        self._last: tuple[float, _Kept] | None = None

    async def all(self, request: Request) -> Response:
        """`/operators`: everything at a glance; it is shown without Postgres and without Kafka, too."""
        situation = await self._operations.look()
        counts, done, database = await self._kept()
        replayed = request.query_params.get("replayed", "")
        return self._templates.page(
            request,
            "operators.html",
            now=situation,
            as_of=datetime.now(UTC),
            lists=[
                (name, title, found, sum(letter.replayed_at is None for letter in found))
                for name, title, waits in (
                    (WAITING, "Answers of unknown customers", True),
                    (ALL, "Dead letters", False),
                )
                for found in [[letter for letter in situation.letters if letter.waits is waits]]
            ],
            sinks=_sinks(counts),
            failed=sum(row["count"] for row in counts if row["state"] in _FAILED),
            done=[
                (row["at"], row["by"], _DID.get(row["kind"], row["kind"]), row["record"].get("letter")) for row in done
            ],
            database=database,
            links=self._links,
            said=f"Replayed: {replayed}." if replayed.isascii() and replayed.isdigit() else None,
        )

    async def file(self, request: Request) -> Response:
        """`/operators/{table}.csv`: a table of the page."""
        situation = await self._operations.look()
        match request.path_params["table"]:
            case "processes":
                rows = [
                    {**asdict(each), "wrong": _said(each.wrong), "rates": _said(each.rates)} for each in situation.parts
                ]
                return await whole("processes", [each.name for each in fields(Part)], rows)
            case "lag":
                return await whole(
                    "lag", [each.name for each in fields(Lag)], [asdict(each) for each in situation.lags]
                )
            case "dead-letters":
                letters = [asdict(each) for each in situation.letters]
                return await whole("dead-letters", [each.name for each in fields(Letter)], letters)
            case "deliveries":
                sinks = _sinks(await self._database.rows("deliveries_counts", None))
                counts = [{"destination": sink, **each} for sink, each in sinks.items()]
                return await whole("deliveries-by-destination", ("destination", "waiting", "failed"), counts)
            case "done":
                done = await self._database.rows("system_actions", _DONE_IN_FILE)
                rows = [{**each, "letter": each["record"].get("letter")} for each in done]
                return await whole("done", ("at", "by", "kind", "letter"), rows)
        raise HTTPException(404)

    async def replay(self, request: Request) -> Response:
        """`POST /operators/replay`: one dead letter, or all of a list that were not replayed, back onto their topic."""
        letter = form_of(request).get("letter", "")
        if letter not in {ALL, WAITING} and not _PLACE.fullmatch(letter):
            raise HTTPException(400)
        wanted = None if letter in {ALL, WAITING} else [letter]
        customer = form_of(request).get("customer", "").strip().lower() or None
        if customer is not None and (wanted is None or not _CUSTOMER.fullmatch(customer)):
            raise HTTPException(400)
        viewer = viewer_of(request)
        try:
            # Recorded first: nothing is done of which nobody can say who did it.
            await self._record(system_action(ActionKind.REPLAY_REQUESTED, viewer, letter=letter))
            waiting = letter == WAITING
            count = await self._operations.replay(wanted, viewer.email, waiting=waiting, customer=customer)
        except Away as why:
            return self._templates.page(
                request,
                "error.html",
                status=503,
                title="The dead letter was not replayed",
                text=f"{why} Nothing is lost: it stays where it is.",
                retry=False,
            )
        _log.info("dead letters replayed", count=count)
        return RedirectResponse(f"/operators?replayed={count}", 303)

    async def _kept(self) -> _Kept:
        """What Postgres says: asked at most every few seconds, however many look."""
        async with self._asking:
            now = time.monotonic()
            if self._last is None or now - self._last[0] > _FRESH:
                try:
                    counts = await self._database.rows("deliveries_counts", None)
                    done = await self._database.rows("system_actions", _DONE)
                    self._last = now, (counts, done, None)
                except Unavailable as why:
                    return [], [], str(why)
            return self._last[1]

    async def _record(self, action: Action) -> None:
        if self._publish is None:
            return
        try:
            await self._publish(action)
        except Exception as error:  # noqa: BLE001 (whatever keeps it from Kafka, the person must hear of it)
            _log.error("an action is not published", asked=action.kind.value, error=type(error).__name__)
            raise Away(f"Kafka does not answer ({type(error).__name__}).") from None


def _said(found: Mapping[str, object]) -> str:
    return "; ".join(f"{name}: {each}" for name, each in found.items())


def _sinks(counts: Sequence[Mapping[str, object]]) -> Mapping[str, Mapping[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in counts:
        kind = "failed" if row["state"] in _FAILED else "waiting"
        sink = found.setdefault(str(row["sink"]), {"failed": 0, "waiting": 0})
        sink[kind] += int(str(row["count"]))
    return found
