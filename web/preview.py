"""The Slack message of an alert or a digest, as its blocks."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from schemas.alert import Alert
from schemas.digest import Digest
from sinks import slack
from web.blockkit import Block


def slack_message(alert: Alert | Digest) -> Iterable[Block]:
    """What the Slack sink would send."""
    return slack.message(alert).as_json()


class Remembered:
    """The messages of the alerts that were looked at last: each look at the list asks for the same ones again.

    Args:
        message: makes the blocks of one.
        most: how many are kept.
    """

    def __init__(self, message: Callable[[Alert | Digest], Iterable[Block]], most: int = 256) -> None:
        self._message = message
        self._most = most
        self._known: OrderedDict[bytes, Sequence[Block]] = OrderedDict()

    def __call__(self, said: Alert | Digest) -> Sequence[Block]:
        """What `message` makes of it; by the whole record, so that what was taken out of it is not shown again."""
        key = said.to_json()
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = tuple(self._message(said))
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found
