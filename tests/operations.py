"""A stand-in for what operators look at: Kafka, and the processes."""

from collections.abc import Sequence
from datetime import UTC, datetime

from web.operators import Away, InForce, Lag, Letter, Part, Situation

HOSTILE = "<script>alert(1)</script>"

_AT = datetime(2026, 5, 4, 12, tzinfo=UTC)


class FakeOperations:
    """Says what it is told, and notes what it is asked."""

    def __init__(self, away: str | None = None) -> None:
        self.away = away
        self.asked: list[tuple[Sequence[str] | None, str]] = []
        self.asked_waiting = 0
        self.customers: list[str | None] = []

    async def look(self) -> Situation:
        return Situation(
            parts=[
                Part("detect", "http://a:1", {}, "1.2.3", {"events": 12.34}),
                Part("store", "http://b:1", {"postgres": "away"}),
            ],
            lags=[Lag("detect", "csat-events", 1234)],
            letters=[
                Letter("0:7", _AT, "in_future", HOSTILE, "csat-events[1]@42"),
                Letter("0:8", _AT, "unresolved_customer", "ticket T-8: no account", "source zendesk", waits=True),
                Letter("0:6", _AT, "empty", "no value", "csat-events[1]@41", _AT, "olga@csatwatch.example"),
            ],
            away=self.away,
            versions={"csatwatch": "1.2.3"},
            in_force=InForce("default 1", "policy: default", [("w 1.0", "support_csat_received", ["a (slack_dm)"])]),
        )

    async def replay(
        self, letters: Sequence[str] | None, by: str, *, waiting: bool = False, customer: str | None = None
    ) -> int:
        if self.away:
            raise Away("Kafka does not answer.")
        self.asked_waiting += waiting
        self.customers.append(customer)
        self.asked.append((letters, by))
        return 1
