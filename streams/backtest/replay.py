"""A history through the detector's pipeline, under one policy or several at once."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from msgspec import Struct

from schemas.alert import Status
from schemas.customer import Customer
from schemas.policy import Policy
from schemas.wire import Alert
from streams.backtest.aftermath import Aftermath, Whole
from streams.backtest.figures import Figures, figures
from streams.backtest.tally import UNOWNED, Tally, week_of
from streams.backtest.told import told
from streams.detect import microseconds
from streams.memory import MemoryStates
from streams.pipeline import Pipeline
from streams.records import Raised
from streams.validate import InvalidEvent


class Line(Struct, gc=False):
    """A line of the history, as `streams.records.Record`. What is not given here is not looked at in a backtest.

    Attributes:
        offset: its place among those that are replayed, from 0.
        timestamp: the same: an alert carries its record's, and is found to belong to it by that.
        number: of the line in its file, from 1.
    """

    offset: int
    timestamp: int
    number: int
    value: bytes | None
    timestamp_type: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Refused(NamedTuple):
    """A line that is no event, and why."""

    number: int
    error: InvalidEvent


class Passed(NamedTuple):
    """What a batch led to: the alerts of each policy in the order of the history, and the lines that are no events."""

    raised: tuple[Sequence[Raised], ...]
    refused: Sequence[Refused]


class Part(NamedTuple):
    """What there is to say of some of the customers, once the history is over; `whole` is None where nothing is."""

    events: int
    refused: int
    tallies: Sequence[Tally]
    whole: Whole | None


class Replay:
    """One run over a history, on a topic of one partition: each record arrives at its event's own time.

    The memory it takes goes by the policies' windows and by `within`, not by the length of the history.

    Attributes:
        events, refused: lines that went through, and those of them that are no events.
    """

    def __init__(self, policies: Sequence[Policy], accounts: Mapping[str, Customer], within: timedelta) -> None:
        """`within`: for so long after an alert, what happens to its customer is held against it."""
        self._policies = policies
        self._accounts = accounts
        self._within = within
        self._runs = [(Pipeline(policy, 1), _States()) for policy in policies]
        self._tallies = [Tally() for _ in policies]
        self._aftermath = Aftermath(self._tallies, within // timedelta(microseconds=1))
        self.events = 0
        self.refused = 0

    def process(self, lines: Sequence[Line]) -> Passed:
        """Take the next lines. However they are cut into batches, the same follows."""
        outcomes = [pipeline.process(lines, 0, states, self._accounts, None) for pipeline, states in self._runs]
        # Whether a line is an event does not depend on the policy.
        refused = {each.record.offset: each.error for each in outcomes[0].refused}
        waiting = [list(reversed(outcome.raised)) for outcome in outcomes]
        for line in lines:
            if line.offset in refused:
                continue
            self._aftermath.told(told(line.value or b""))
            for policy, raised in enumerate(waiting):
                while raised and raised[-1].timestamp == line.timestamp:
                    self._count(policy, raised.pop().alert)
        self.events += len(lines)
        self.refused += len(refused)
        return Passed(
            tuple(outcome.raised for outcome in outcomes),
            [Refused(line.number, refused[line.offset]) for line in lines if line.offset in refused] if refused else [],
        )

    def close(self) -> Figures:
        """The history is over: what there is to say of it."""
        return together([self.part(self.newest)], self._policies, self._accounts, self._within)

    @property
    def newest(self) -> int | None:
        """Time of the last event so far, in microseconds since 1970; None: nothing has a time."""
        return self._aftermath.newest

    def part(self, end: int | None) -> Part:
        """The history is over, its last event was at `end`: this run's part, where others had other customers."""
        return Part(self.events, self.refused, self._tallies, self._aftermath.close(end))

    def _count(self, policy: int, alert: Alert) -> None:
        tally = self._tallies[policy]
        if alert.status != Status.FIRING or not self._aftermath.raised(policy, alert):
            tally.changes[alert.kind, alert.status] += 1
            return
        week = week_of(microseconds(alert.occurred_at))
        account = self._accounts.get(alert.customer_id)
        tally.weeks[week, alert.kind, alert.severity] += 1
        tally.customers[alert.customer_id] += 1
        tally.csms[account.csm.email if account and account.csm else UNOWNED, week] += 1
        if alert.trend is not None:
            tally.evidence[alert.kind, alert.trend.evidence] += 1


def together(
    parts: Sequence[Part], policies: Sequence[Policy], accounts: Mapping[str, Customer], within: timedelta
) -> Figures:
    """The figures of a history, each part of which is about customers of its own."""
    tallies = [Tally() for _ in policies]
    for part in parts:
        for tally, more in zip(tallies, part.tallies, strict=True):
            tally.add(more)
    known = [part.whole for part in parts if part.whole is not None]
    whole = (
        Whole(
            min(each.begin for each in known),
            max(each.end for each in known),
            sum(each.customers for each in known),
            sum(each.rated for each in known),
            sum(each.escalated for each in known),
        )
        if known
        else None
    )
    return figures(
        policies,
        tallies,
        accounts,
        events=sum(part.events for part in parts),
        refused=sum(part.refused for part in parts),
        whole=whole,
        within=within,
    )


class _States(MemoryStates):
    """All accounts are known from the start: no alert waits for one."""

    def set_waits(self, customer_id: str, *, waits: bool) -> None:
        """Nothing is kept."""
