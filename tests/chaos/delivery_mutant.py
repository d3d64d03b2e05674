"""`python -m tests.chaos.delivery_mutant NAME[,NAME…] COMMAND…`: csatwatch with a protection of delivery taken out."""

import sys

from agents import cli
from sinks.ledger import Ledger
from sinks.slack import Slack


def repeats_blindly() -> None:
    """A post whose outcome is not known is repeated without a look into the channel."""

    async def nothing_there(*_: object) -> None:
        return None

    Slack._reconcile = nothing_there  # type: ignore[method-assign, assignment]


def claims_at_once() -> None:
    """A claim holds for no time, so that another worker takes over what is under way."""
    stock = Ledger.__init__

    def init(self: Ledger, pool: object, *, lease: object) -> None:
        stock(self, pool, lease=lease * 0)  # type: ignore[arg-type, operator]

    Ledger.__init__ = init  # type: ignore[method-assign]


MUTATIONS = {each.__name__: each for each in (repeats_blindly, claims_at_once)}


def main() -> None:
    """Patch, and run."""
    for name in sys.argv.pop(1).split(","):
        MUTATIONS[name]()
    cli.main()


if __name__ == "__main__":
    main()
