"""The sink of what a person asked Support for: one message in the customer's support channel, with the context."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from slack_sdk.models.blocks import Block, HeaderBlock, PlainTextObject

from schemas.action import Action
from schemas.alert import Alert
from sinks.base import Delivery, Permanent, Receipt, Retriable
from sinks.safe_text import cut
from sinks.slack.api import Api
from sinks.slack.blocks import note as small
from sinks.slack.blocks import section
from sinks.slack.content import EVENT_TYPE
from sinks.slack.deeds import person
from sinks.slack.errors import POST
from sinks.slack.escape import link, mrkdwn, mrkdwn_line, plain
from sinks.slack.history import reconcile
from sinks.slack.message import Message
from sinks.slack.permalink import permalink
from sinks.slack.sender import Remember
from sinks.slack.texts import texts
from sinks.slack.wording import hours

CHANNEL = re.compile(r"[CG][A-Z0-9]{2,}")
"""The id of a channel. By a name, a message whose sending was cut off could not be looked for."""

_IN_TIME = timedelta(hours=24)
_HEADER, _LINE, _TEXT = 150, 1200, 2800  # characters


class NoSupport:
    """In place of `Support` while no Slack is set."""

    async def send(self, delivery: Delivery) -> Receipt | None:
        """Raises Permanent."""
        del delivery
        raise Permanent("no Slack is set up (CSATWATCH_SLACK_BOT_TOKEN)")


class Support:
    """Posts to the channel that the account names as `support_channel`.

    Args:
        api: the workspace.
        remember: see `sinks.slack.sender.Remember`.
    """

    def __init__(self, api: Api, *, remember: Remember) -> None:
        self._api = api
        self._remember = remember

    async def send(self, delivery: Delivery) -> Receipt | None:
        """Post it, unless an earlier try did. See `sinks.base.Sink`."""
        alert = delivery.about_customer
        channel = alert.customer.support_channel if alert.customer else None
        if channel is None:
            raise Permanent("the account names no support channel")
        if not CHANNEL.fullmatch(channel):
            raise Permanent("the account's support channel is no channel's id, like C0123456789")
        try:
            request = Action.model_validate(delivery.config)
        except ValidationError:
            raise Permanent("the request cannot be read") from None
        if delivery.claimed_at - request.at > _IN_TIME:
            raise Permanent("it could not be passed on within a day of being asked for")
        there = delivery.destination or (channel if delivery.restored else None)
        if delivery.uncertain and there is not None:
            sent = await reconcile(self._api, delivery, there)
            if sent is not None:
                return Receipt(there, sent)
        message = word_to_support(alert, request, await self._link(delivery))
        if not await self._remember(delivery, channel, None):
            raise Retriable("the claim is lost to another worker", counts=False)
        posted = await self._api.call(
            POST,
            channel=channel,
            text=message.text,
            blocks=message.as_json(),
            metadata=_metadata(delivery),
            unfurl_links=False,
            unfurl_media=False,
            parse="none",
            link_names=False,
        )
        return Receipt(str(posted["channel"]), str(posted["ts"]))

    async def _link(self, delivery: Delivery) -> str | None:
        main = delivery.main
        if main is None or main.destination is None or main.external_id is None:
            return None
        return await permalink(self._api, main.destination, main.external_id)


def word_to_support(alert: Alert, request: Action, there: str | None = None) -> Message:
    """What Support is told: who asks, about which ticket, and what the customer said. `there`: the alert's message."""
    words = texts().words
    name = plain(alert.customer.name) if alert.customer else f"Customer {alert.customer_id[:8]}…"
    title = words("support_title", customer=name)
    sections = ["\n".join(_lines(alert, person(request.by_name or request.by)))]
    if feedback := mrkdwn(alert.feedback or "", _TEXT):
        sections.append(words("support_feedback", feedback=feedback))
    if note := mrkdwn(request.note or "", _TEXT):
        sections.append(words("support_note", note=note))
    blocks: list[Block] = [
        HeaderBlock(text=PlainTextObject(text=cut(title, _HEADER), emoji=True)),
        *(section(text) for text in sections),
    ]
    if there and (message := link(there, words("support_message"))):
        blocks.append(small(words("support_asked_at", message=message)))
    return Message(tuple(blocks), mrkdwn_line(title, _LINE))


def _lines(alert: Alert, by: str) -> Iterator[str]:
    words, ticket = texts().words, alert.ticket
    yield words("support_asks", by=by, ticket=mrkdwn_line(ticket.ticket_id.removeprefix("#"), _LINE))
    if ticket.ticket_subject:
        yield words("support_subject", subject=mrkdwn_line(ticket.ticket_subject, _LINE))
    if ticket.ticket_category:
        yield words("support_category", category=mrkdwn_line(ticket.ticket_category, _LINE))
    if ticket.assignee:
        yield words("support_assignee", assignee=mrkdwn_line(ticket.assignee, _LINE))
    took, sla = ticket.resolution_time_hours, ticket.sla_hours
    if took is not None and sla is not None:
        yield words("support_took_sla", time=hours(took), sla=hours(sla))
    elif took is not None:
        yield words("support_took", time=hours(took))
    if ticket.ticket_url:
        yield words("support_ticket", url=mrkdwn_line(ticket.ticket_url, _LINE))
    yield words("support_rated", rating=f"{alert.rating}")


def _metadata(delivery: Delivery) -> dict[str, Any]:
    payload = {"alert_id": str(delivery.alert.alert_id), "step": delivery.step, "revision": delivery.alert.revision}
    return {"event_type": EVENT_TYPE, "event_payload": payload}
