"""Which alerts does the policy hold out, so that those that are delivered have something to be compared with?"""

from hashlib import sha256

from schemas.alert import Kind
from schemas.policy import Policy
from streams.severity import worth

_SALT = b"holdout "
_ALL = 1 << 64


def is_eligible(kind: Kind, arr: float | None, currency: str | None, policy: Policy) -> bool:
    """Whether lots are drawn for alerts of this kind and ARR: for falling averages of small accounts."""
    known = worth(arr, currency, policy.severity)
    return kind is Kind.DECLINING_TREND and known is not None and known < policy.outcomes.holdout.below_arr


def is_held_out(alert_id: str, kind: Kind, arr: float | None, currency: str | None, policy: Policy) -> bool:
    """Whether an alert is raised and recorded, and nobody told. By its id alone: a replay draws the same lot."""
    share = policy.outcomes.holdout.share
    return share > 0 and is_eligible(kind, arr, currency, policy) and lot(alert_id) < share


def lot(alert_id: str) -> float:
    """From 0 to below 1, as if by chance."""
    return int.from_bytes(sha256(_SALT + alert_id.encode()).digest()[:8]) / _ALL
