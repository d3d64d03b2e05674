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
    # It has no delay: the moment that the ledger got it.
    assert first.allowed_at is not None
    assert AT < first.allowed_at < until + timedelta(minutes=1)

    await ledger.settle([Settlement(first, Held(Hold(until + timedelta(minutes=5), why)))])
    await bench.come_due("%")
    (again,) = await ledger.claim(Sink.SLACK, 1)
    assert again.allowed_at is not None
    assert (again.allowed_at >= until + timedelta(minutes=5)) is counts
