"""Named places where a fault harness ends or stops the process, to show that nothing is lost there.

Armed by the environment: `FAILPOINT=NAME[:N[:kill|stop]]` with `FAILPOINTS_ALLOWED=yes`. At the N-th time that the
place is reached (1, unless told otherwise) the process gets SIGKILL or SIGSTOP, as no exception handler could see it.
"""

import os
import signal
from collections.abc import Mapping

from agents.settings import BadSettings

NAMES = (
    "alerts-acknowledged",
    "before-checkpoint",
    "in-checkpoint",
    "before-local-put",
    "in-local-put",
    "after-local-put",
    "opened",
    "restoring",
    "moving-states",
    "states-moved",
)
"""In the order of a batch's way: behind the alerts' acknowledgement; before a checkpoint; in it, with its states sent
and its transaction open; behind its commit, before the local store has it, between two pieces of what is put there, and
after that; and on an assignment: behind the fencing of the previous owner, and behind the first batch of states read
back. In `csatwatch topics grow`: in a transaction that moves customers, and before the event topic grows."""
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Failpoint:
    """The one place that is armed in this process."""

    def __init__(self, name: str, times: int, number: signal.Signals) -> None:
        self.name = name
        self._left = times
        self._signal = number

    def reached(self, name: str) -> None:
        """Send the signal when `name` is the armed place and it is its turn."""
        if name == self.name:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._signal)


def armed(environment: Mapping[str, str]) -> Failpoint | None:
    """The failpoint that the environment asks for. Raises `BadSettings`."""
    given = environment.get("FAILPOINT")
    if given is None:
        return None
    if environment.get("FAILPOINTS_ALLOWED") != "yes":
        message = f"FAILPOINT is {given}: it ends this process on purpose and is for tests only: unset it"
        raise BadSettings(message)
    name, _, rest = given.partition(":")
    times, _, how = rest.partition(":")
    if name not in NAMES or not (times or "1").isdigit() or (how or "kill") not in _SIGNALS:
        message = f"FAILPOINT is {given}: it must be NAME[:N[:kill|stop]], NAME one of {', '.join(NAMES)}"
        raise BadSettings(message)
    return Failpoint(name, int(times or 1), _SIGNALS[how or "kill"])


_armed = armed(os.environ)


def reached(name: str) -> None:
    """Nothing, unless `name` is armed."""
    if _armed is not None:
        _armed.reached(name)
