"""Decides about each message what the policy says: to whom, where, whether now; and what follows it."""

from collections.abc import Sequence
from dataclasses import replace

from agents.settings import Settings
from schemas.delivery import Sink
from schemas.notice import Hold, Later, Notice, notice_of, notice_step
from schemas.policy import Policy
from sinks.base import Delivery, Receipt
from sinks.ledger import Failure
from streams.notify import Case, Channels, following, hold, way


def channels_of(settings: Settings) -> Channels:
    """The channels that the settings name; the fallback channel stands in for the operator's."""
    return Channels(
        unowned=settings.slack_unowned_channel,
        manager=settings.slack_manager_channel,
        operator=settings.slack_operator_channel or settings.slack_fallback_channel,
    )


class Guide:
    """One policy's decisions.

    Args:
        policy: how people are told.
        channels: where to, beside the people themselves.
    """

    def __init__(self, policy: Policy, channels: Channels) -> None:
        self._policy = policy
        self._channels = channels

    def prepare(self, delivery: Delivery) -> Delivery | Hold | None:
        """The delivery with its way; or until when it waits; or None: there is nobody and nothing to tell."""
        if delivery.sink != Sink.SLACK:
            return delivery
        case = _case(delivery)
        notice = case.notice
        found = way(case, self._policy, self._channels)
        # What may stand somewhere is looked for and brought up to date, whatever the hour.
        new = delivery.shown_revision == 0 and not (delivery.uncertain and delivery.destination)
        if not new or not delivery.alert.status.open:
            return replace(delivery, way=found)
        if found is None or (notice not in {None, Notice.OPERATOR} and delivery.life.handled):
            return None
        return hold(case, self._policy) or replace(delivery, way=found)

    def after(self, delivery: Delivery, result: object) -> Sequence[Later]:
        """The notices that follow what became of a delivery."""
        if isinstance(result, Receipt) and delivery.sink == Sink.SLACK:
            return tuple(following(_case(delivery), self._policy, self._channels))
        operator = self._channels.operator
        if isinstance(result, Failure) and operator and notice_of(delivery.step) is not Notice.OPERATOR:
            return (Later(notice_step(delivery.step, Notice.OPERATOR), delivery.claimed_at, operator),)
        return ()


def _case(delivery: Delivery) -> Case:
    return Case(
        delivery.alert,
        delivery.step,
        delivery.claimed_at,
        delivery.created_at,
        delivery.life,
        delivery.neighbours,
    )
