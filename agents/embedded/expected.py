"""What must come out of a feed, worked out in memory without any server, and how it differs from what came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.alert import Alert
from schemas.customer import Customer
from schemas.delivery import LedgerRow, State
from schemas.policy import Policy
from schemas.workflow import Workflow
from streams.memory import MemoryStates
from streams.partition import partition_of
from streams.pipeline import Pipeline
from streams.route import steps
from streams.sample import SampleRecord

Step = tuple[str, str]
"""The alert's id, and `workflow/step id`."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What follows from a feed.

    Attributes:
        alerts: the last revision of each, by id.
        owed: steps of the alerts that are open at the end: each is delivered at that revision.
        passing: steps of the alerts that an earlier revision asked for and the last does not any more: whether they
            were delivered before they were called off depends on who was faster.
        refused: the values that are no event.
        later: steps that wait, for longer than anybody looks on.
    """

    alerts: Mapping[str, Alert]
    owed: frozenset[Step]
    passing: frozenset[Step]
    refused: tuple[bytes, ...]
    later: frozenset[Step] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """What came: newest alerts by id and dead letters as on their topics, steps as in the ledger."""

    alerts: Mapping[str, Alert]
    steps: Mapping[Step, LedgerRow]
    refused: Sequence[bytes]

    @property
    def settled(self) -> frozenset[Step]:
        """The steps that are delivered."""
        return frozenset(key for key, row in self.steps.items() if row.state is State.DONE)

    @property
    def under_way(self) -> bool:
        """Whether a step is still to be done."""
        return any(row.state in {State.DUE, State.CLAIMED} for row in self.steps.values())


@dataclass(frozen=True, slots=True)
class Difference:
    """Lines for people, one a difference; both empty: all is as expected."""

    lost: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lost or self.extra)


def expect(
    records: Sequence[SampleRecord],
    customers: Iterable[Customer],
    policy: Policy,
    workflows: Sequence[Workflow],
    *,
    partitions: int,
    now: datetime,
) -> Expected:
    """What `records`, sent in this order at about `now` on a topic of so many partitions, must lead to.

    Nothing in them may be of an age at which a moment decides whether anybody is told.
    """
    pipeline, memory = Pipeline(policy, partitions), MemoryStates()
    accounts = {customer.customer_id: customer for customer in customers}
    sent: dict[int, list[_Sent]] = {}
    for offset, record in enumerate(records):
        home = partition_of(record.key, partitions) if record.key else 0
        sent.setdefault(home, []).append(_Sent(offset, record.value))
    alerts: dict[str, Alert] = {}
    asked: set[Step] = set()
    later: set[Step] = set()
    refused: list[bytes] = []
    for partition, batch in sent.items():
        outcome = pipeline.process(batch, partition, memory, accounts, now)
        refused += [each.record.value or b"" for each in outcome.refused]
        for raised in outcome.raised:
            alert = Alert.from_json(raised.value)
            alerts[str(alert.alert_id)] = alert
            asked |= _steps(alert, workflows)
            later |= _steps(alert, workflows, later=True)
    owed = {step for alert in alerts.values() for step in _steps(alert, workflows)}
    return Expected(alerts, frozenset(owed), frozenset(asked - owed), tuple(refused), frozenset(later))


def compare(expected: Expected, found: Found) -> Difference:
    """What is missing, late or other than expected is lost; what nobody expected is extra."""
    names = _Names({**found.alerts, **expected.alerts})
    lost, extra = [], []
    for alert_id, alert in sorted(expected.alerts.items()):
        came = found.alerts.get(alert_id)
        if came is None:
            lost.append(f"{names.alert(alert_id)}: not on the topic")
        elif (came.revision, came.status) != (alert.revision, alert.status):
            lost.append(
                f"{names.alert(alert_id)}: is {came.status} (revision {came.revision}), "
                f"expected {alert.status} (revision {alert.revision})"
            )
        elif _said(came) != _said(alert):
            other = ", ".join(sorted(name for name, value in _said(alert).items() if _said(came)[name] != value))
            lost.append(f"{names.alert(alert_id)}: says something else in {other}")
    extra += [names.alert(i) for i in sorted(found.alerts.keys() - expected.alerts.keys())]
    for alert_id, step in sorted(expected.owed):
        row = found.steps.get((alert_id, step))
        revision = expected.alerts[alert_id].revision
        if row is None:
            lost.append(f"{names.step(alert_id, step)}: not in the ledger")
        elif row.state is not State.DONE or row.shown_revision != revision:
            lost.append(f"{names.step(alert_id, step)}: is {row.state} at revision {row.shown_revision} of {revision}")
    for alert_id, step in sorted(expected.passing & found.steps.keys()):
        row = found.steps[alert_id, step]
        if row.state not in {State.DONE, State.CANCELLED}:
            lost.append(f"{names.step(alert_id, step)}: is {row.state}, to be called off")
    unasked = found.steps.keys() - expected.owed - expected.passing - expected.later
    extra += [names.step(alert_id, step) for alert_id, step in sorted(unasked)]
    missing, unexpected = _surplus(expected.refused, found.refused), _surplus(found.refused, expected.refused)
    lost += ["a dead letter is missing"] * missing
    extra += ["a dead letter"] * unexpected
    return Difference(tuple(lost), tuple(extra))


@dataclass(slots=True)
class _Sent:
    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: int = 0
    timestamp_type: int = 0  # the sender's time, as on the embedded broker: ages are measured by the clock


@dataclass(frozen=True, slots=True)
class _Names:
    alerts: Mapping[str, Alert] = field(default_factory=dict)

    def alert(self, alert_id: str) -> str:
        alert = self.alerts.get(alert_id)
        return f"{alert.kind} of {alert.ticket.ticket_id} ({alert_id})" if alert else f"alert {alert_id}"

    def step(self, alert_id: str, step: str) -> str:
        return f"{step} of {self.alert(alert_id)}"


def _steps(alert: Alert, workflows: Sequence[Workflow], *, later: bool = False) -> set[Step]:
    """The steps that are due at once, or `later`."""
    return {(str(alert.alert_id), each.step) for each in steps(alert, workflows) if bool(each.delay) is later}


def _said(alert: Alert) -> dict[str, object]:
    return alert.model_dump(exclude={"detected_at"})


def _surplus(some: Sequence[bytes], others: Sequence[bytes]) -> int:
    """How many of `some` have no counterpart among `others`."""
    left = list(others)
    count = 0
    for each in some:
        if each in left:
            left.remove(each)
        else:
            count += 1
    return count
