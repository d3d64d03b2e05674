"""What became of a step, in the log and in the metrics."""

from time import time

import structlog

from agents import metrics
from sinks.base import Receipt
from sinks.ledger import Failure, Held, Retry, Settlement

_log = structlog.get_logger(__name__)


def report(settlement: Settlement, *, lost: bool) -> None:
    """Say it; `lost`: the claim was another worker's by then, and nothing was written."""
    delivery, result = settlement.delivery, settlement.result
    log = _log.bind(sink=delivery.sink, alert_id=str(delivery.alert.alert_id), step=delivery.step)
    if lost:
        log.warning("claim lost")
        metrics.DELIVERIES.labels(delivery.sink, "lost").inc()
        return
    match result:
        case Receipt(destination=destination):
            log.info("delivered", revision=delivery.alert.revision, destination=destination)
            metrics.DELIVERIES.labels(delivery.sink, "done").inc()
            # What a restored ledger has done once more was done in time, or late, before.
            if delivery.shown_revision == 0 and not delivery.restored:
                since = delivery.allowed_at or delivery.published_at
                seconds = max(time() - since.timestamp(), 0)
                metrics.DELIVERY_SECONDS.labels(delivery.sink).observe(seconds)
        case Retry(wait=wait, error=error):
            log.warning("delivery put off", error=error, next_try_seconds=round(wait, 2), attempt=delivery.attempts + 1)
            metrics.DELIVERIES.labels(delivery.sink, "retry").inc()
        case Held(hold=hold):
            if hold is not None:
                log.info("held back", why=hold.why, until=hold.until.isoformat())
            metrics.DELIVERIES.labels(delivery.sink, "held").inc()
        case Failure(error=error):
            log.error("delivery failed", error=error)
            metrics.DELIVERIES.labels(delivery.sink, "failed").inc()
        case None:
            log.info("nothing to show")
            metrics.DELIVERIES.labels(delivery.sink, "cancelled").inc()
