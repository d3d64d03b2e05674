"""For whom is an alert: the CSM, who stands in, and by which clock they live?"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.alert import Alert
from schemas.customer import Person
from schemas.digest import Digest
from schemas.notice import Note, Way
from schemas.notify import Away
from schemas.policy import Policy


def zone(alert: Alert | Digest, policy: Policy) -> ZoneInfo:
    """The one that the reader lives by, as near as is known: the CSM's, else the account's, else the policy's."""
    zones = {email.lower(): name for email, name in policy.digest.time_zones.items()}
    theirs = zones.get(alert.csm.email.lower()) if alert.csm else None
    account = alert.customer.time_zone if isinstance(alert, Alert) and alert.customer else None
    return _zone(theirs or account or "") or ZoneInfo(policy.digest.time_zone)


def reader(alert: Alert | Digest, policy: Policy, at: datetime) -> Way:
    """Whom the alert is for: the CSM, or the deputy while the CSM is away, or the channel that the policy names."""
    csm = alert.csm
    if isinstance(alert, Alert) and alert.route and alert.route.channel:
        return Way(channel=alert.route.channel, note=Note("for_csm", {"csm": csm.name}) if csm else None)
    if csm is None:
        return Way()
    away = _away(csm, policy, at.astimezone(zone(alert, policy)))
    deputy = away.deputy or _deputy(alert) if away else None
    if away is None or deputy is None:
        return Way(csm)
    note = Note("for_csm_away", {"csm": csm.name, "until": f"{away.last}"})
    return Way(deputy, note=note, stands_in=True)


def backup(alert: Alert | Digest, policy: Policy, at: datetime) -> Person | None:
    """Who is told where the first reader does not answer; None where nobody is known, or it is the first reader."""
    return None if reader(alert, policy, at).stands_in else _deputy(alert)


def lane(person: Person) -> str:
    """What keeps one person's messages apart from others'; see `schemas.delivery.Step`."""
    return person.slack_user_id or person.email


def _deputy(alert: Alert | Digest) -> Person | None:
    return alert.customer.deputy if isinstance(alert, Alert) and alert.customer else None


def _away(csm: Person, policy: Policy, local: datetime) -> Away | None:
    mine = (each for each in policy.notify.away if each.csm.lower() == csm.email.lower())
    now = (each for each in mine if each.first <= local.date() <= each.last)
    return max(now, key=lambda each: each.last, default=None)


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # unknown; no name of a zone at all; a directory
        return None
