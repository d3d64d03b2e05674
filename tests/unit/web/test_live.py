import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

import pytest

from tests.servers.wait import until
from web.database import Database, Unavailable
from web.live import Change, Event, Live, Subscription, TooManyClients, Wish


@dataclass
class FakeDatabase:
    """Announces what the test says; `away` refuses connections."""

    away: bool = False
    connections: int = 0
    heard: Callable[[str], None] = field(default=lambda _: None)
    lost: Callable[[], None] = field(default=lambda: None)

    @asynccontextmanager
    async def listening(
        self, channel: str, heard: Callable[[str], None], lost: Callable[[], None]
    ) -> AsyncIterator[object]:
        assert channel == "csatwatch_alerts"
        if self.away:
            raise Unavailable("away")
        self.connections += 1
        self.heard, self.lost = heard, lost
        yield object()


async def _render(alert_ids: Sequence[UUID]) -> Iterable[Change]:
    """Each alert is of the customer one hundred above it; the odd ones are Ana's."""
    return [
        Change(
            frozenset({each, UUID(int=each.int + 100)}),
            "ana@example.com" if each.int % 2 else None,
            f"card {each.int}",
        )
        for each in alert_ids
    ]


@asynccontextmanager
async def _following(database: FakeDatabase) -> AsyncIterator[Live]:
    live = Live(cast("Database", database), _render)
    running = asyncio.create_task(live.run())
    try:
        await until(lambda: database.connections or database.away, what="it listens")
        yield live
    finally:
        running.cancel()


async def _next(subscription: Subscription) -> Event:
    event = await subscription.next(5)
    assert event is not None
    return event


async def test_each_browser_hears_of_each_change_once() -> None:
    database = FakeDatabase()
    async with _following(database) as live:
        first, second = live.subscribe(live.position), live.subscribe(live.position)
        for number in (1, 2, 1):
            database.heard(str(UUID(int=number)))
        for subscription in (first, second):
            assert [(await _next(subscription)).data for _ in range(2)] == ["card 1", "card 2"]
            assert await subscription.next(0) is None


async def test_a_csm_hears_of_their_own_accounts_alone() -> None:
    database = FakeDatabase()
    async with _following(database) as live:
        hers = live.subscribe(live.position, Wish("ana@example.com"))
        everybody = live.subscribe(live.position)
        for number in (2, 3, 4):
            database.heard(str(UUID(int=number)))
        assert [(await _next(everybody)).data for _ in range(3)] == ["card 2", "card 3", "card 4"]
        assert (await _next(hers)).data == "card 3"
        assert await hers.next(0) is None


async def test_a_page_of_its_own_hears_that_something_changed_on_it_and_not_what() -> None:
    database = FakeDatabase()
    async with _following(database) as live:
        alert = live.subscribe(live.position, Wish(cards=False, about=UUID(int=2)))
        customer = live.subscribe(live.position, Wish(cards=False, about=UUID(int=103)))
        foreign = live.subscribe(live.position, Wish("ana@example.com", cards=False, about=UUID(int=2)))
        tasks = live.subscribe(live.position, Wish(cards=False))
        for number in (2, 3):
            database.heard(str(UUID(int=number)))
        for subscription, times in ((alert, 1), (customer, 1), (tasks, 2), (foreign, 0)):
            for _ in range(times):
                event = await _next(subscription)
                assert (event.name, event.data) == ("changed", "")
            assert await subscription.next(0) is None


async def test_a_page_that_is_up_to_date_hears_nothing_and_an_older_one_that_it_is_stale() -> None:
    database = FakeDatabase()
    async with _following(database) as live:
        loaded = live.position
        database.heard(str(UUID(int=1)))
        await until(lambda: live.position != loaded, what="the change is noticed without any browser")
        assert await live.subscribe(live.position).next(0) is None
        for since in (loaded, None, "another-process-9"):
            assert (await _next(live.subscribe(since))).name == "stale"


async def test_a_lost_connection_is_made_again_and_makes_every_page_stale() -> None:
    database = FakeDatabase()
    async with _following(database) as live:
        subscription = live.subscribe(live.position)
        database.lost()
        assert (await _next(subscription)).name == "stale"
        assert database.connections == 2


async def test_a_flood_becomes_one_reload() -> None:
    database = FakeDatabase()
    async with _following(database) as live:
        subscription = live.subscribe(live.position)
        for number in range(1000):
            database.heard(str(UUID(int=number)))
        assert (await _next(subscription)).name == "stale"
        assert await subscription.next(0) is None


async def test_a_slow_browser_is_dropped_and_the_others_go_on() -> None:
    database = FakeDatabase()
    async with _following(database) as live:
        slow, quick = live.subscribe(live.position), live.subscribe(live.position)
        for number in range(1000):
            database.heard(str(UUID(int=number)))
            assert (await _next(quick)).data == f"card {number}"
            if not slow.is_open:
                break
        assert not slow.is_open
        assert quick.is_open
        assert live.clients == 1
        assert await slow.next(0) is None, "nothing is kept for it"


async def test_the_number_of_browsers_has_a_limit() -> None:
    live = Live(cast("Database", FakeDatabase()), _render)
    for _ in range(500):
        live.subscribe(None)
    with pytest.raises(TooManyClients):
        live.subscribe(None)


async def test_closing_ends_every_subscription_and_takes_no_more() -> None:
    live = Live(cast("Database", FakeDatabase()), _render)
    subscription = live.subscribe(live.position)
    live.close()
    assert not subscription.is_open
    assert await subscription.next(5) is None
    with pytest.raises(TooManyClients):
        live.subscribe(None)
