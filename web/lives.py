"""What happened with some alerts, out of the database."""

from collections.abc import Sequence
from uuid import UUID

from web.database import Database
from web.story import Entry, story


class Lives:
    """Reads stories; see `web.story`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, alert_ids: Sequence[UUID]) -> Sequence[Entry]:
        """All that happened with these alerts, in the order of time. Raises `Unavailable`."""
        if not alert_ids:
            return ()
        ids = list(alert_ids)
        return story(
            await self._database.rows("revisions", ids),
            await self._database.rows("deliveries", ids),
            await self._database.rows("tasks_of", ids),
            await self._database.rows("drafts_of", ids),
            await self._database.rows("actions_of", ids),
        )
