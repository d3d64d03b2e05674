"""The sink in place of Slack while no bot token is set: pages and `csatwatch up` show the message, nobody gets it."""

from uuid import UUID, uuid5

from sinks.base import PREVIEW, Delivery, Receipt
from sinks.slack.compose import compose

_NAMESPACE = UUID("0c6b3c0e-6c1f-5f53-8c1d-3f1f6a0a7d02")


class Preview:
    """Composes the message and keeps nothing: it follows from the alert at any time."""

    async def send(self, delivery: Delivery) -> Receipt | None:
        """A receipt whose external id follows from alert and step. See `sinks.base.Sink`."""
        if not delivery.alert.status.open and delivery.shown_revision == 0:
            return None
        compose(delivery, changed=delivery.shown_revision > 0).as_json()
        return Receipt(PREVIEW, str(uuid5(_NAMESPACE, f"{delivery.alert.alert_id}|{delivery.step}")))
