"""A worker takes part in the group whole or not at all, and gives up at once what is revoked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from faust.types import TP

from agents.transport.app import BatchApp
from agents.transport.restore import Restore
from agents.transport.standby import Standby
from agents.transport.table import BatchTable


class _Standby:
    followed: object = None

    def follow(self, partitions: object) -> None:
        self.followed = partitions


async def test_a_worker_that_is_stopped_while_it_starts_does_not_join(
    app: BatchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed = []

    async def subscribe(topics: object) -> None:
        subscribed.append(topics)

    monkeypatch.setattr(app.batches._thread, "subscribe", subscribe)
    await app.batches.subscribe({"csat-events", "changelog"})
    app._stopped.set()
    await app.batches.subscribe({"csat-events"})
    assert subscribed == [{"csat-events", "changelog"}]


async def at_once(_: set[int]) -> None:
    return


def restore(app: BatchApp, ready: Callable[[set[int]], Awaitable[None]], standby: _Standby) -> Restore:
    return Restore(
        app,
        BatchTable(app, "ratings", changelog="changelog", partitions=2),
        consumer=lambda: pytest.fail("nothing to read"),
        ready=ready,
        restored=at_once,
        progress=lambda _: None,
        standby=cast("Standby", standby),
    )


async def test_a_restoring_is_given_up_when_its_partitions_are_revoked(
    app: BatchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def ready(_: set[int]) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # as a producer takes its time to close
            ended.set()

    standby = _Standby()
    recovery = restore(app, ready, standby)
    tp, tables = TP("changelog", 0), app.tables
    monkeypatch.setattr(app.assignor, "assigned_actives", lambda: {tp})
    monkeypatch.setattr(tables, "_changelogs", {tp.topic: tables["ratings"]})
    monkeypatch.setattr(tables["ratings"], "persisted_offset", lambda _: None)
    await recovery.on_rebalance(set(), set(), set())
    restoring = asyncio.create_task(recovery.on_recovery_completed())
    await begun.wait()
    assert await recovery.check() == "state of 1 partitions: 0% read"
    await recovery.let_go()
    assert await recovery.check() == "partitions are assigned anew"
    assert ended.is_set()
    await restoring
    app.batches.resume_flow()
    assert not app.batches.flow_active
    assert standby.followed is None
    assert not app.failed


async def test_a_restoring_that_fails_anywhere_ends_the_worker(app: BatchApp) -> None:
    recovery = restore(app, at_once, _Standby())
    await recovery.crash(RuntimeError("in Faust's part of it"))
    assert app.failed
    assert isinstance(app.crash_reason, RuntimeError)


async def test_no_event_flows_before_the_seek_however_long_it_takes(
    app: BatchApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def perform_seek() -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(app.batches, "perform_seek", perform_seek)
    app.batches.hold_flow()
    restoring = asyncio.create_task(restore(app, at_once, _Standby()).on_recovery_completed())
    await begun.wait()
    app.batches.resume_flow()
    assert not app.batches.flow_active
    restoring.cancel()
    await asyncio.wait({restoring})


async def test_one_that_is_done_at_that_moment_takes_nothing_over_either(app: BatchApp) -> None:
    letting_go = []

    async def ready(_: set[int]) -> None:
        letting_go.append(asyncio.create_task(recovery.let_go()))  # its turn comes when this is done, and before more

    standby = _Standby()
    recovery = restore(app, ready, standby)
    await recovery.on_recovery_completed()
    await letting_go[0]
    app.batches.resume_flow()
    assert not app.batches.flow_active
    assert standby.followed is None
