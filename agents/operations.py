"""What operators look at: the processes by their own word, Kafka, and what is in force."""

import asyncio
import platform
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import aiohttp
import structlog
import yaml
from aiokafka.errors import KafkaError
from prometheus_client.parser import text_string_to_metric_families

from agents import kafka
from agents.behind import READERS, behind
from agents.dead_letters import DeadLetter, NotReplayable, read, replay
from agents.own_actions import own_actions
from agents.session import connected
from agents.settings import BadSettings, Settings
from agents.workflows import workflows
from schemas.policy import Policy
from schemas.workflow import Workflow
from schemas.yaml_file import BadFile
from web.operators import Away, InForce, Lag, Letter, Part, Situation

_EVERY, _SAMPLES = 10.0, 7  # seconds between two looks at the processes; over a minute a rate is told
_PATIENCE = aiohttp.ClientTimeout(total=3)
_FRESH = 5.0  # seconds that what Kafka said is good for: more than one operator may look
_NEWEST = 500  # dead letters of a partition
_SHOWN = 100
_TOLD: Mapping[str, str] = {
    "csatwatch_events_total": "events",
    "csatwatch_alerts_total": "alerts",
    "csatwatch_alerts_taken_total": "alerts taken",
    "csatwatch_deliveries_total": "deliveries",
}
_KAFKA_FAILS = (KafkaError, OSError, TimeoutError, BadSettings)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Watched:
    """One process, and what it said lately."""

    name: str
    url: str
    wrong: Mapping[str, str] = field(default_factory=lambda: {"started": "not looked at yet"})
    version: str | None = None
    samples: deque[tuple[float, Mapping[str, float]]] = field(default_factory=lambda: deque(maxlen=_SAMPLES))

    def part(self) -> Part:
        return Part(self.name, self.url, self.wrong, self.version, rates(self.samples))


class Operations:
    """See `web.operators.Operations`; looks while it is `open`."""

    def __init__(self, settings: Settings, policy: Policy) -> None:
        self._settings = settings
        self._in_force = in_force(settings, policy)
        self._watched = [_Watched(name, url) for name, url in settings.named_parts]
        self._kafka: tuple[float, list[Lag], list[DeadLetter], str | None] | None = None
        self._asking = asyncio.Lock()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Looking at the processes, again and again."""
        looking = asyncio.create_task(self._look(), name="operations")
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def look(self) -> Situation:
        """How things are."""
        _, lags, letters, away = await self._ask_kafka()
        return Situation(
            parts=[each.part() for each in self._watched],
            lags=lags,
            letters=[_letter(each) for each in letters[:_SHOWN]],
            away=away,
            versions={"csatwatch": version("csatwatch"), "Python": platform.python_version()},
            in_force=self._in_force,
        )

    async def replay(
        self, letters: Sequence[str] | None, by: str, *, waiting: bool = False, customer: str | None = None
    ) -> int:
        """See `web.operators.Operations`. Raises `Away`."""
        try:
            found = await read(self._settings, newest=_NEWEST)
            wanted = [
                each
                for each in found
                if (
                    each.replayed_at is None and (each.source is not None) is waiting
                    if letters is None
                    else each.id in letters
                )
            ]
            if customer is not None and not all(each.source for each in wanted):
                raise Away("That is no survey tool's answer: it has its customer.")
            done = await replay(self._settings, wanted[::-1], by=by, customer=customer)
        except NotReplayable as why:
            raise Away(f"{why}.") from None
        except _KAFKA_FAILS as error:
            raise Away(f"Kafka does not answer ({type(error).__name__}).") from None
        finally:
            self._kafka = None
        return done.count

    async def _ask_kafka(self) -> tuple[float, list[Lag], list[DeadLetter], str | None]:
        async with self._asking:
            now = time.monotonic()
            if self._kafka is None or now - self._kafka[0] > _FRESH:
                self._kafka = (now, *await self._kafka_says())
            return self._kafka

    async def _kafka_says(self) -> tuple[list[Lag], list[DeadLetter], str | None]:
        settings = self._settings
        try:
            if (reason := await kafka.unreachable(settings)) is not None:
                return [], [], reason
            numbers = await _partitions(settings, {topic for topics in READERS.values() for topic in topics})
            if numbers is None:
                return [], [], "not all of its topics are there, or may be seen: csatwatch topics create makes them"
            found = await asyncio.gather(*(behind(settings, role, numbers) for role in READERS))
            lags = [
                Lag(role, topic, count)
                for role, topics in zip(READERS, found, strict=True)
                for topic, count in topics.items()
            ]
            return lags, await read(settings, newest=_NEWEST), None
        except _KAFKA_FAILS as error:
            _log.warning("kafka cannot be looked at", error=type(error).__name__)
            return [], [], type(error).__name__

    async def _look(self) -> None:
        async with aiohttp.ClientSession(timeout=_PATIENCE) as http:
            while True:
                await asyncio.gather(*(_ask(http, each) for each in self._watched))
                await asyncio.sleep(_EVERY)


def in_force(settings: Settings, policy: Policy) -> InForce:
    """The policy and the workflows as these settings have them."""
    known: Sequence[Workflow] = ()
    wrong = None
    try:
        own = {name: action.config for name, action in own_actions(settings.plugins).items()}
        known = workflows(settings.workflows, own)
    except BadFile as error:
        wrong = str(error)
    return InForce(
        policy=f"{policy.policy} {policy.version}",
        policy_text=yaml.safe_dump(policy.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True),
        workflows=[
            (
                f"{each.workflow} {each.version}",
                each.trigger.event,
                [f"{step.id} ({step.action})" for step in each.steps],
            )
            for each in known
        ],
        wrong=wrong,
    )


def rates(samples: Sequence[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """What was done a second between the first and the last sample: of each, when it was taken and the totals.

    A process that was started anew counts from nothing again: what it had counted before is left out.
    """
    if len(samples) < 2:  # noqa: PLR2004 - a rate is between two
        return {}
    seconds = samples[-1][0] - samples[0][0]
    if seconds <= 0:
        return {}
    done: dict[str, float] = {}
    for (_, before), (_, after) in zip(list(samples)[:-1], list(samples)[1:], strict=True):
        for name, total in after.items():
            done[name] = done.get(name, 0) + (total - before.get(name, 0) if total >= before.get(name, 0) else total)
    return {name: count / seconds for name, count in done.items()}


def totals(text: str) -> tuple[dict[str, float], str | None]:
    """What a process has done so far, by what it is, and its version; of its /metrics."""
    found: dict[str, float] = {}
    known = None
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in _TOLD:
                found[_TOLD[sample.name]] = found.get(_TOLD[sample.name], 0) + sample.value
            elif sample.name == "csatwatch_build_info":
                known = sample.labels.get("version")
    return found, known


async def _ask(http: aiohttp.ClientSession, watched: _Watched) -> None:
    try:
        async with http.get(f"{watched.url}/readyz") as answer:
            said: Any = await answer.json()
        checks: Mapping[str, str] = said["checks"]
        watched.wrong = {name: str(why) for name, why in checks.items() if why != "ok"}
        async with http.get(f"{watched.url}/metrics") as answer:
            found, watched.version = totals(await answer.text())
        watched.samples.append((time.monotonic(), found))
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError, AttributeError) as error:
        watched.wrong = {"address": f"no answer ({type(error).__name__})"}


async def _partitions(settings: Settings, names: Iterable[str]) -> dict[str, int] | None:
    """How many each topic has; None where one is missing."""
    wanted = {settings.topic(name): name for name in names}
    async with connected(kafka.admin(settings)) as admin:
        if not set(wanted) <= set(await admin.list_topics()):
            return None
        described = await admin.describe_topics(list(wanted))
    return {wanted[each["topic"]]: len(each["partitions"]) for each in described}


def _letter(letter: DeadLetter) -> Letter:
    return Letter(
        id=letter.id,
        at=letter.at,
        error=letter.error,
        message=letter.message,
        place=letter.place,
        waits=letter.source is not None,
        replayed_at=letter.replayed_at,
        replayed_by=letter.replayed_by,
    )
