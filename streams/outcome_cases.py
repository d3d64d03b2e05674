"""Which cases are there to compare? Each is one customer from an alert on, until enough has come after it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from schemas.alert import Kind
from schemas.outcome import Fired, Window
from schemas.policy import Policy
from streams.hold_out import is_eligible
from streams.severity import band_of

BEFORE = timedelta(days=90)
GRACE = timedelta(days=3)
"""A follow-up counts where it came so soon. What comes after is counted from here on, for everybody: a customer who was
helped late cannot be counted as helped from the beginning."""
AFTER = timedelta(days=30)


class Case(NamedTuple):
    """One customer from an alert on.

    Attributes:
        helped: somebody wrote or called within `GRACE`; in a holdout: the alert was delivered.
        window: what has to be known of the customer.
    """

    customer_id: str
    kind: Kind
    band: str
    helped: bool
    window: Window


class Cases(NamedTuple):
    """By what they are to be compared."""

    matched: Sequence[Case]
    holdout: Sequence[Case]

    @property
    def windows(self) -> list[Window]:
        """Of all of them, in order."""
        return [case.window for case in (*self.matched, *self.holdout)]


def cases(fired: Iterable[Fired], policy: Policy, now: datetime) -> Cases:
    """The cases in these alerts whose time is over by `now`."""
    told = sorted((each for each in fired if not each.silent), key=attrgetter("customer_id", "fired_at", "alert_id"))
    followed = list(_cases((each for each in told if not each.held_out), policy, now, _was_helped))
    drawn = (each for each in told if is_eligible(each.kind, each.arr, each.currency, policy))
    held = policy.outcomes.holdout.share > 0 or any(each.held_out for each in told)
    compared = (each for each in drawn if not (each.held_out and each.shown))
    return Cases(followed, list(_cases(compared, policy, now, _was_delivered)) if held else [])


def _cases(
    told: Iterable[Fired], policy: Policy, now: datetime, helped: Callable[[Sequence[Fired], datetime], bool]
) -> Iterator[Case]:
    for customer_id, theirs in groupby(told, key=attrgetter("customer_id")):
        alerts, free = list(theirs), None
        for alert in alerts:
            began = alert.fired_at
            if free is not None and began <= free:
                continue  # a part of the case before
            after = began + GRACE
            free = after + AFTER
            if free > now:
                break
            within = [each for each in alerts if began <= each.fired_at <= after]
            window = Window(customer_id, began - BEFORE, began, after, free)
            band = band_of(alert.arr, alert.currency, policy.severity)
            yield Case(customer_id, alert.kind, band, helped(within, after), window)


def _was_helped(alerts: Sequence[Fired], by: datetime) -> bool:
    return any(each.followed_up_at is not None and each.followed_up_at <= by for each in alerts)


def _was_delivered(alerts: Sequence[Fired], _: datetime) -> bool:
    return not alerts[0].held_out
