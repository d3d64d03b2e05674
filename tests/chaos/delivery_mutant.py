"""`python -m tests.chaos.delivery_mutant NAME[,NAME…] COMMAND…`: csatwatch with a protection of delivery taken out."""

import sys

from agents import cli
from sinks.slack import Slack


def repeats_blindly() -> None:
    """A post whose outcome is not known is repeated without a look into the channel."""

    async def nothing_there(*_: object) -> None:
        return None

    Slack._reconcile = nothing_there  # type: ignore[method-assign, assignment]


MUTATIONS = {each.__name__: each for each in (repeats_blindly,)}


def main() -> None:
    """Patch, and run."""
    for name in sys.argv.pop(1).split(","):
        MUTATIONS[name]()
    cli.main()


if __name__ == "__main__":
    main()
