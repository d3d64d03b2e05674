"""When is a failed step tried again?"""

from dataclasses import dataclass
from datetime import timedelta

from sinks.base import Permanent, SendError


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double.

    Attributes:
        first, most: seconds before the second try, and at the longest.
        attempts: tries until a step counts as failed. The default goes on for three and a half days: an outage over a
            long weekend loses nothing.
    """

    first: float = 1.0
    most: float = 300.0
    attempts: int = 1000

    def wait(self, attempt: int, error: SendError) -> timedelta | None:
        """How long until the next try; None: give up. `attempt` starts at 0."""
        if isinstance(error, Permanent) or attempt + 1 >= self.attempts:
            return None
        doubled = min(self.most, self.first * 2.0 ** min(attempt, 40))
        after = getattr(error, "after", None)
        return timedelta(seconds=max(doubled if after is None else after, 0.05))
