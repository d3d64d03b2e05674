"""How late a step was counts from when it was allowed out."""

from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

from agents.metrics import REGISTRY
from agents.settled import report
from sinks.base import Receipt
from sinks.ledger import Settlement
from tests.deliveries import delivery


def now() -> datetime:
    """By the clock that `report` goes by."""
    return datetime.fromtimestamp(time(), UTC)


def long_ago() -> datetime:
    return now() - timedelta(days=2)


def counted(sink: str, **changes: Any) -> tuple[float, float]:
    """How many steps the histogram has, and their seconds, after one more."""
    report(Settlement(delivery(sink=sink, published_at=long_ago(), **changes), Receipt("C1", "1.0")), lost=False)
    found = [REGISTRY.get_sample_value(f"csatwatch_delivery_seconds_{of}", {"sink": sink}) for of in ("count", "sum")]
    return found[0] or 0.0, found[1] or 0.0


def test_what_a_step_had_to_wait_for_by_itself_is_not_late() -> None:
    number, seconds = counted("of one that waited", allowed_at=now())
    assert number == 1
    assert seconds < 600


def test_what_waited_for_nothing_is() -> None:
    number, seconds = counted("of one that did not", allowed_at=long_ago())
    assert number == 1
    assert seconds > 86_400


def test_what_was_shown_already_or_by_a_lost_ledger_is_not_counted() -> None:
    assert counted("of one shown", shown_revision=1) == (0, 0)
    assert counted("of one restored", restored=True) == (0, 0)
