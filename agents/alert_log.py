"""What becomes of alerts, in the log. Each line about one has its id, so that a search finds its story."""

from collections.abc import Sequence

import structlog

from schemas import wire
from schemas.alert import Alert
from schemas.digest import Digest

_ONE_BY_ONE = 5  # at once; more come where a process catches up, and a line takes as long as raising an alert
_A_LINE = 100


def say(log: structlog.stdlib.BoundLogger, what: str, alerts: Sequence[Alert | Digest | wire.Alert]) -> None:
    """Say `what` of each alert; of many at once a line names a hundred ids and nothing else of them."""
    if len(alerts) > _ONE_BY_ONE:
        for start in range(0, len(alerts), _A_LINE):
            log.info(what, alert_ids=[str(each.alert_id) for each in alerts[start : start + _A_LINE]])
        return
    for each in alerts:
        log.info(
            what,
            alert_id=str(each.alert_id),
            kind=str(each.kind),
            status=str(each.status),
            severity=str(each.severity),
            revision=each.revision,
        )
