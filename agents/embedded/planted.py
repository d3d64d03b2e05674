"""Did the cases that are planted in the sample come out as their makers meant them? Says nothing of how."""

from collections.abc import Callable, Iterator

from agents.embedded.expected import Found
from schemas.alert import Alert, Kind, Status, alert_id
from schemas.event import CsatReceived
from streams.sample import Planted

_SECOND = 2
_STEPS = 3  # of the workflow that answers a poor rating: a message, a task, a draft


def astray(planted: Planted, found: Found) -> tuple[str, ...]:
    """The cases that did not, a line each, under the policy and the workflows that ship."""
    cases: dict[str, tuple[CsatReceived, Callable[[Alert], bool]]] = {
        "the rating of the design's own message": (planted.globaltech, lambda a: a.status is Status.FIRING),
        "a second poor rating within 30 days": (planted.second_poor, lambda a: a.context.low_ratings_30d == _SECOND),
        "an answer changed to a good one": (planted.retracted[1], lambda a: a.status is Status.RETRACTED),
        "an answer changed to a poorer one": (planted.worse[1], lambda a: (a.status, a.rating) == (Status.UPDATED, 1)),
        "an answer sent twice": (planted.duplicate, lambda a: (a.status, a.revision) == (Status.FIRING, 1)),
        "an answer that came last, days late": (planted.late, lambda a: a.status is Status.FIRING and not a.silent),
    }
    return (
        *(line for what, (event, holds) in cases.items() for line in _case(what, event, holds, found)),
        *_declining(planted, found),
        *(
            "a record that is no event is not among the dead letters"
            for value in planted.poison
            if value not in found.refused
        ),
    )


def _case(what: str, event: CsatReceived, holds: Callable[[Alert], bool], found: Found) -> Iterator[str]:
    key = str(alert_id(Kind.POOR_RATING, event.customer_id, event.survey))
    alert = found.alerts.get(key)
    if alert is None or not holds(alert):
        yield f"{what} ({event.ticket_id}): {'no alert' if alert is None else 'another alert than meant'}"
    elif alert.status.open and (done := sum(step[0] == key for step in found.settled)) != _STEPS:
        yield f"{what} ({event.ticket_id}): {done} of {_STEPS} deliveries"


def _declining(planted: Planted, found: Found) -> Iterator[str]:
    falling = {a.customer_id for a in found.alerts.values() if a.kind is Kind.DECLINING_TREND and not a.silent}
    for customer_id in planted.declining:
        if customer_id not in falling:
            yield f"a customer whose ratings fall ({customer_id}): no alert"
