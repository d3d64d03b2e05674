"""The message of a claimed step."""

from schemas.workflow import SlackDm
from sinks.base import Delivery
from sinks.slack.layout import message
from sinks.slack.message import Message


def compose(delivery: Delivery, *, changed: bool, audience: str | None = None) -> Message:
    """What the step's configuration makes of the alert; see `message` for the rest."""
    config = SlackDm.model_validate(delivery.config)
    return message(
        delivery.alert,
        template=config.message_template,
        include_ticket_context=config.include_ticket_context,
        changed=changed,
        audience=audience,
        life=delivery.life,
    )
