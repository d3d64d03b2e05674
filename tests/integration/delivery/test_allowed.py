"""Since when a step may go out: after its delay and what held it back, but not after a Slack that was away."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.delivery import Sink
from schemas.notice import Hold
from sinks.ledger import AWAY, Held, Settlement
from tests.alerts import AT
from tests.integration.delivery.stand import Bench, of


@pytest.mark.parametrize(
    ("why", "counts"), [("quiet hours until 2026-05-12 08:00 CEST", True), (f"{AWAY}: 503", False)]
)
async def test_what_held_a_step_back_is_kept(bench: Bench, why: str, counts: bool) -> None:
    ledger, until = bench.ledger(), datetime.now(UTC) - timedelta(seconds=1)
    await bench.record(of(1))
    (first,) = await ledger.claim(Sink.SLACK, 1)
    # However long it took to the ledger.
    assert first.allowed_at == AT

    await ledger.settle([Settlement(first, Held(Hold(until + timedelta(minutes=5), why)))])
    await bench.pool.execute("update deliveries set due_at = now()")
    (again,) = await ledger.claim(Sink.SLACK, 1)
    assert again.allowed_at == (until + timedelta(minutes=5) if counts else AT)


async def test_a_delay_counts_from_its_end(bench: Bench) -> None:
    await bench.record(of(1))
    await bench.pool.execute("update deliveries set not_before = created_at + interval '1 hour'")
    (claimed,) = await bench.ledger().claim(Sink.SLACK, 1)
    assert claimed.allowed_at is not None
    assert claimed.allowed_at > datetime.now(UTC) + timedelta(minutes=50)
