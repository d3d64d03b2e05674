"""The page of outcomes: whether any of it helps, as it was last worked out."""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from schemas.outcome import Outcomes
from streams.outcome_words import VERDICTS, figures
from web.database import Database
from web.export import whole
from web.templates import Templates


class OutcomesPage:
    """The figures of all customers, worked out once a day by `csatwatch deliver`."""

    def __init__(self, database: Database, templates: Templates) -> None:
        self._database = database
        self._templates = templates

    async def all(self, request: Request) -> Response:
        """`/outcomes`."""
        found = await self._last()
        shown = tuple(figures(found)) if found else ()
        return self._templates.page(request, "outcomes.html", found=found, figures=shown, verdicts=VERDICTS)

    async def file(self, _: Request) -> Response:
        """`/outcomes.csv`: what each figure says and rests on."""
        found = await self._last()
        rows = [
            {"figure": each.title, "label": label, "value": value}
            for each in (figures(found) if found else ())
            for label, value in (
                ("verdict", VERDICTS[each.verdict]),
                ("found", each.says),
                *each.rows,
                ("method", each.method),
            )
        ]
        return await whole("outcomes", ("figure", "label", "value"), rows)

    async def _last(self) -> Outcomes | None:
        rows = await self._database.rows("outcomes")
        return _read(rows[0]["record"]) if rows else None


def _read(record: object) -> Outcomes | None:
    # What another version kept and this one cannot read is worked out again tomorrow.
    try:
        return Outcomes.model_validate(record)
    except ValidationError:
        return None
