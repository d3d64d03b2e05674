"""The two ways to look at the sample: until all of it is delivered, and for as long as somebody likes."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from agents import texts
from agents.commands.send import send_all
from agents.embedded import printed, trickle
from agents.embedded.expected import Difference, Found, compare, expect
from agents.embedded.planted import astray
from agents.embedded.process import OnFailure
from agents.embedded.screen import Screen
from agents.embedded.stage import Stage, as_message, stage
from agents.embedded.watch import Watch, watching
from agents.own_actions import own_actions
from agents.settings import Settings
from agents.workflows import workflows
from schemas.alert import Alert
from schemas.policy import load_policy
from streams.sample import generate
from streams.topology import EVENTS

_DELIVERED_WITHIN = 60.0  # seconds
_LOOK_EVERY = 0.2  # seconds
_RATING_EVERY = 3.0  # seconds
_LINES = 20  # of what is lost or too much, each


class Show:
    """The sample under these settings. Raises `BadFile` for a policy or a workflow that cannot be used."""

    def __init__(self, settings: Settings, directory: Path, screen: Screen) -> None:
        self._settings = settings
        self._directory = directory
        self._screen = screen
        now = datetime.now(UTC)
        self._policy = policy = load_policy(settings.policy)
        texts.use(settings)
        own = {name: action.config for name, action in own_actions(settings.plugins).items()}
        steps = workflows(settings.workflows, own)
        self._sample = generate(now=now)
        self._expected = expect(
            self._sample.records, self._sample.customers, policy, steps, partitions=settings.partitions, now=now
        )
        # The planted cases are made for what ships.
        self._as_planted = settings.policy is None and settings.workflows is None

    async def until_delivered(self, on_failure: OnFailure) -> bool:
        """Print each delivery once all are there, and the totals; False where one is missing or too much."""
        async with (
            stage(self._settings, self._directory, self._sample, self._screen, on_failure) as up,
            watching(up.settings, _ignore) as watch,
        ):
            difference = await self._settled(watch)
            found = await watch.found()
            lost = (*difference.lost, *(astray(self._sample.planted, found) if self._as_planted else ()))
            self._screen.say()
            for line in printed.deliveries(await watch.delivered()):
                self._screen.say(line)
            for line in printed.week(await watch.weeks(self._policy)):
                self._screen.say(line)
            self._list("lost", lost)
            self._list("not expected", difference.extra)
            silent = sum(alert.silent for alert in found.alerts.values())
            self._screen.say(f"Of the alerts {silent} are history: over a week old, recorded, and nobody is told.")
            self._screen.say(
                f"demo: {up.sent:,} events, {len(found.alerts):,} alerts, {len(found.settled):,} deliveries, "
                f"{len(lost):,} lost" + (f", {len(difference.extra):,} not expected" if difference.extra else "")
            )
        return not lost and not difference.extra

    async def until_stopped(self, on_failure: OnFailure) -> bool:
        """Go on with new ratings after the sample, and print a line an alert, until it is cancelled."""
        live = False

        def arrived(alert: Alert) -> None:
            if live:
                self._screen.say(printed.arrival(alert))

        async with (
            stage(self._settings, self._directory, self._sample, self._screen, on_failure) as up,
            watching(up.settings, arrived) as watch,
        ):
            await self._settled(watch)
            self._introduce(up, await watch.found())
            live = True
            for record in trickle.ratings(self._sample.customers):
                await send_all(up.settings, EVENTS, [as_message(record)])
                await asyncio.sleep(_RATING_EVERY)
        return True

    async def _settled(self, watch: Watch) -> Difference:
        """Wait until all that is expected has come and nothing is under way; what differs then, or when time is up."""
        owed = self._expected.owed
        with self._screen.doing("delivering", total=len(owed)) as show:
            until = time.monotonic() + _DELIVERED_WITHIN
            while True:
                found = await watch.found()
                show(len(found.settled & owed))
                difference, busy = compare(self._expected, found), found.under_way
                if not difference.lost and not busy:
                    # What came while the lag was looked at counts too.
                    busy = bool(await watch.lag()) or await watch.found() != found
                    if not busy:
                        return difference
                if time.monotonic() > until:
                    late = (f"after {_DELIVERED_WITHIN:g} s something is still under way",) if busy else ()
                    return Difference((*difference.lost, *late), difference.extra)
                await asyncio.sleep(_LOOK_EVERY)

    def _introduce(self, up: Stage, found: Found) -> None:
        now = sum(not alert.silent for alert in found.alerts.values())
        self._screen.say(
            f"{up.sent:,} events of {len(self._sample.customers):,} made-up customers led to {len(found.alerts):,} "
            f"alerts, {now:,} of them on ratings of the last week, and these to {len(found.settled):,} deliveries."
        )
        self._screen.say("The servers are embedded ones: they start empty each time, and keep nothing.")
        if self._settings.slack_bot_token is None:
            self._screen.say("No Slack token is set: messages are shown on the page, and go to nobody.")
        self._screen.say(f"Logs: {self._directory}")
        self._screen.say()
        self._screen.say(f"  The page: {up.link}")
        self._screen.say()
        self._screen.say("The link signs in the first browser on this machine that opens it; there, an operator finds")
        self._screen.say("a new one for a second browser on the page of operations.")
        self._screen.say("For commands in another terminal, such as csatwatch publish:")
        self._screen.say(f"  export CSATWATCH_KAFKA_URL={up.settings.kafka_url} CSATWATCH_KAFKA_TRANSACTIONS=false")
        self._screen.say(f"A new rating comes every {_RATING_EVERY:g} seconds. Ctrl-C ends everything.")

    def _list(self, what: str, lines: Sequence[str]) -> None:
        for line in lines[:_LINES]:
            self._screen.say(f"{what}: {line}")
        if len(lines) > _LINES:
            self._screen.say(f"{what}: … and {len(lines) - _LINES:,} more")


def _ignore(_: Alert) -> None:
    pass
