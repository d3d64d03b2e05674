"""The page of accounts: one's own, or all, in the order in which they need somebody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.alert import Severity
from web.alerts import AlertPages
from web.database import Database
from web.export import Row, download, pages
from web.paging import addresses
from web.sparkline import sparkline
from web.templates import Templates
from web.viewer import Viewer, viewer_of
from web.wording import money

STATUSES = ("alerts", "snoozed", "follow-ups", "overdue", "falling")
"""What `?status=` can ask for."""

_ACCOUNTS = 50
_LONGEST = 320
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # as in the table
_SEVERITIES: Sequence[str] = tuple(Severity)
_LAST = 7  # as in the table: nothing is needed
_COLUMNS = (
    "customer_id",
    "name",
    "csm_name",
    "csm_email",
    "tier",
    "arr",
    "currency",
    "recent",
    "recent_n",
    "before",
    "before_n",
    "unattended",
    "snoozed",
    "snoozed_until",
    "open_tasks",
    "next_due_at",
    "newest_at",
)

Place = tuple[int, datetime, str, UUID]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which accounts; None: all. `csm` is an e-mail in lower case, `search` a part of a name."""

    csm: str | None = None
    tier: str | None = None
    status: str | None = None
    search: str = ""

    @property
    def arguments(self) -> tuple[str | None, ...]:
        """Of `accounts_page.sql`."""
        return self.csm, self.tier, self.status, f"%{literal(self.search)}%" if self.search else None


class AccountPages:
    """The list, and the same as a file."""

    def __init__(self, database: Database, templates: Templates, alerts: AlertPages) -> None:
        self._database = database
        self._templates = templates
        self._alerts = alerts

    async def all(self, request: Request) -> Response:
        """`/customers`: `?q=` searches, `?tier=`, `?status=` and `?csm=` choose, `?after=` continues."""
        viewer, now, position = viewer_of(request), datetime.now(UTC), self._alerts.position
        asked = asked_for(request, viewer)
        after = request.query_params.get("after")
        rows = await self._rows(asked, now, place_of(after), _ACCOUNTS + 1)
        tiers = await self._database.rows("accounts_tiers", viewer.only)
        csms = await self._database.rows("accounts_csms") if viewer.only is None else []
        shown = [account(row, now) for row in rows[:_ACCOUNTS]]
        chosen = {"q": asked.search or None, "tier": asked.tier, "status": asked.status}
        return self._templates.page(
            request,
            "accounts.html",
            accounts=shown,
            asked=asked,
            chosen=asked != replace(Asked(), csm=viewer.only),
            statuses=STATUSES,
            tiers=[row["tier"] for row in tiers],
            csms=csms,
            after=_mark(rows[_ACCOUNTS - 1]) if len(rows) > _ACCOUNTS else None,
            is_first=after is None,
            position=position,
            address=addresses("/customers", **chosen, csm=asked.csm if viewer.only is None else None),
            file=addresses("/customers.csv", **chosen, csm=asked.csm if viewer.only is None else None)(),
        )

    async def file(self, request: Request) -> Response:
        """`/customers.csv`: what the page shows, all of it."""
        viewer, now = viewer_of(request), datetime.now(UTC)
        asked = asked_for(request, viewer)

        async def following(last: Row | None, most: int) -> Sequence[Row]:
            rows = await self._rows(asked, now, None if last is None else _place(last), most)
            return [row | {"unattended": row["waiting"], "next_due_at": row["open_due_at"]} for row in rows]

        return await download("accounts", _COLUMNS, pages(following))

    async def _rows(self, asked: Asked, now: datetime, place: Place | None, most: int) -> Sequence[dict[str, Any]]:
        return await self._database.rows("accounts_page", *asked.arguments, now, *(place or (None,) * 4), most)


def asked_for(request: Request, viewer: Viewer) -> Asked:
    """The choice in the address; a CSM's accounts are always their own. A wrong one is an HTTP 400."""
    given = request.query_params
    texts = {name: given.get(name, "").replace("\0", "").strip()[:_LONGEST] for name in ("q", "tier", "csm")}
    status = given.get("status") or None
    if status is not None and status not in STATUSES:
        raise HTTPException(400)
    csm = viewer.only or texts["csm"].lower() or None
    return Asked(csm, texts["tier"] or None, status, texts["q"])


def account(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A row of `accounts_page.sql` as the page shows it."""
    due = row["open_due_at"]
    return {
        **row,
        "arr": money(row["arr"], row["currency"]),
        "severity": None if row["worst"] is None else _SEVERITIES[row["worst"]],
        "overdue": due is not None and due < now,
        "spark": sparkline([(week, float(mean)) for week, mean in row["weeks"] or ()]),
        "change": None
        if row["recent"] is None or row["before"] is None
        else round(row["recent"] - row["before"], 1) + 0.0,
    }


def literal(text: str) -> str:
    r"""`text` as a part of a LIKE pattern that means just that."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def place_of(text: str | None) -> Place | None:
    """The last account of the page before, as `_mark` wrote it. A wrong one is an HTTP 400."""
    if text is None:
        return None
    rank, _, rest = text.partition("~")
    due, _, rest = rest.partition("~")
    name, _, row_id = rest.rpartition("~")
    try:
        place = int(rank), datetime.fromisoformat(due) if due else _NEVER, name, UUID(row_id)
    except ValueError:
        raise HTTPException(400) from None
    if "\0" in name or place[1].tzinfo is None or not 0 <= place[0] <= _LAST:
        raise HTTPException(400)
    return place


def _place(row: Row) -> Place:
    return row["rank"], row["due_at"], row["position"], row["customer_id"]


def _mark(row: Row) -> str:
    rank, due, name, row_id = _place(row)
    return f"{rank}~{'' if due >= _NEVER else due.isoformat()}~{name}~{row_id}"
