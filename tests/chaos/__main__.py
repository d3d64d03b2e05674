"""`python -m tests.chaos --seed N`: the long run. Prints its seed, a table of faults and results, and exits 1 on any
violated invariant; then what it left (topics, states, logs) is kept to be looked at.
"""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.chaos.faults import FAULTS
from tests.chaos.run import Plan, any_faults, run
from tests.servers.kafka import KafkaServer


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, help="any number; what was drawn is printed")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--customers", type=int, default=2_500)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=len(FAULTS), help="number of faults")
    parser.add_argument("--fault", action="append", choices=list(FAULTS), help="these instead; may be repeated")
    parser.add_argument("--outage", type=float, default=70.0, help="seconds that the broker is away")
    parser.add_argument("--standby", type=int, default=0, help="workers that keep a partition's state beside its owner")
    parser.add_argument("--static", action="store_true", help="with static membership")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run it. Returns the exit code."""
    given = _arguments()
    seed = SystemRandom().randrange(1 << 31) if given.seed is None else given.seed
    plan = Plan(
        seed,
        given.fault or any_faults(seed, given.rounds),
        events=given.events,
        customers=given.customers,
        workers=given.workers,
        partitions=given.partitions,
        outage=given.outage,
        settings={
            "CSATWATCH_STANDBY_REPLICAS": str(given.standby),
            "CSATWATCH_STATIC_MEMBERSHIP": str(given.static).lower(),
        },
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of every try while the broker is away
    _say(f"seed {seed}: {plan.events} events, {plan.workers} workers, {len(plan.faults)} faults")
    directory = Path(tempfile.mkdtemp(prefix="csatwatch-chaos-"))
    with KafkaServer(directory / "kafka") as server:
        report = asyncio.run(run(plan, directory, server, _say))
    for line in report.lines():
        _say(line)
    if report.violations:
        _say(f"kept: {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
