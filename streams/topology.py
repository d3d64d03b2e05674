"""The topics and tables, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

EVENTS = "csat-events"
CUSTOMERS = "customers"
ALERTS = "alerts"
TRENDS = "csat-trends"
ACTIONS = "csm-actions"
DEAD_LETTERS = "csat-events-dead-letter"

RATINGS_TABLE = "ratings"

HEADER_REROUTED = "csatwatch-rerouted"
"""On an event that came on a wrong partition and was sent to its own: how many partitions there were then."""
HEADER_BACKFILL = "csatwatch-backfill"
HEADER_MOVED = "csatwatch-moved"
"""On a deletion in `csat-trends` that is none: the trend is on another partition now, since there are more of them."""

MEGABYTE = 1 << 20

COMPACTED: Mapping[str, str] = {
    "cleanup.policy": "compact",
    # What was deleted is gone after so long, however little is written: an erasure has an end.
    "max.compaction.lag.ms": str(int(timedelta(days=7).total_seconds() * 1000)),
}
"""The configuration of a topic that keeps the newest record of each key."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be.

    Attributes:
        name: without the installation's prefix.
        retention: how long a record is kept; None keeps it until a newer one of its key (compaction).
        config: further settings of the topic, as Kafka names them.
    """

    name: str
    retention: timedelta | None
    config: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> dict[str, str]:
        """The topic's configuration as Kafka takes it."""
        kept = (
            COMPACTED
            if self.retention is None
            else {"cleanup.policy": "delete", "retention.ms": str(int(self.retention.total_seconds() * 1000))}
        )
        # The broker's own time of arrival: age and latency are then measured by one clock.
        return {"message.timestamp.type": "LogAppendTime", **kept, **self.config}


TOPICS = (
    Topic(EVENTS, timedelta(days=30)),
    Topic(CUSTOMERS, None),
    Topic(ALERTS, timedelta(days=90)),
    Topic(TRENDS, None),
    Topic(ACTIONS, timedelta(days=90)),
    # A dead letter carries the original and its headers: it needs more room than the original had.
    Topic(DEAD_LETTERS, timedelta(days=14), {"max.message.bytes": str(2 * MEGABYTE)}),
)


def changelog(app_id: str) -> str:
    """The topic behind the table of ratings: Faust's own name for it, without the installation's prefix."""
    return f"{app_id}-detect-{RATINGS_TABLE}-changelog"
