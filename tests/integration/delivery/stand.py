"""Couriers, ledger and a Slack, without Kafka."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

import aiohttp
import asyncpg

from agents.courier import Courier, Load
from agents.guide import Guide
from schemas.action import ActionKind
from schemas.alert import Alert
from schemas.customer import Person
from schemas.delivery import Change, LedgerRow, Sink, State
from schemas.digest import Digest
from schemas.policy import load_policy
from schemas.workflow_files import load_workflows
from sinks.backoff import Backoff
from sinks.base import Sink as OneByOne
from sinks.ledger import Ledger, Revision
from sinks.slack import Api, Slack, web_client
from sinks.tasks import Tasks
from streams.notify import Channels
from streams.route import changes
from tests.alerts import AT, CUSTOMER, alert
from tests.servers.fake_slack import FakeSlack
from tests.servers.wait import until

WORKFLOWS = load_workflows(None)
TIMEOUT = 0.5
PEOPLE = {f"csm{number}@example.com": f"U{number:04}" for number in range(40)}
CHANNELS = {"C0FALLBACK": "fallback", "C0UNOWNED": "unowned", "C0MANAGER": "manager", "C0OPERATOR": "operator"}
GUIDE = Guide(load_policy(None), Channels("C0UNOWNED", "C0MANAGER", "C0OPERATOR"))


def of(number: int, **more: object) -> Alert:
    """An alert for a CSM of its own."""
    csm = Person(name=f"Csm {number}", email=f"csm{number}@example.com")
    return alert(response=f"r{number}", customer=CUSTOMER.model_copy(update={"csm": csm}), **more)


@dataclass
class Bench:
    """Couriers of one database, kept going as the timer of the process does."""

    pool: asyncpg.Pool
    slack: FakeSlack
    session: aiohttp.ClientSession
    guide: Guide | None = None
    fallback: str | None = None
    passed: float = 0.0
    couriers: list[Courier] = field(default_factory=list)
    looks: list[asyncio.Task[None]] = field(default_factory=list)

    def ledger(self, lease: float = 60.0) -> Ledger:
        return Ledger(self.pool, lease=timedelta(seconds=lease))

    def sink(self, ledger: Ledger) -> Slack:
        client = web_client(self.slack.token, self.slack.url, self.session)
        api = Api(client, timeout=TIMEOUT)
        return Slack(api, fallback_channel=self.fallback, remember=ledger.remember, shared=frozenset(CHANNELS))

    def start(self, sink: OneByOne | None = None, *, name: Sink = Sink.SLACK, lease: float = 60.0) -> Courier:
        ledger, bell = self.ledger(lease), asyncio.Event()
        backoff = Backoff(first=0.05, most=0.2)
        load = Load(slots=4, batch=1, limit=10.0, lease=lease)
        used = Tasks(self.pool) if name is Sink.TASKS else sink or self.sink(ledger)
        courier = Courier(
            ledger,
            name,
            used,
            load=load,
            backoff=backoff,
            wake=bell.set,
            guide=self.guide,
            clock=lambda: monotonic() + self.passed,
        )

        async def look() -> None:
            while True:
                await courier.fill()
                bell.clear()
                # A retry becomes due without a ring.
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):  # `wait_for` of 3.11 can swallow the cancellation of `stop`
                        await bell.wait()

        self.couriers.append(courier)
        self.looks.append(asyncio.create_task(look()))
        return courier

    async def record(self, *alerts: Alert) -> None:
        await self.ledger().record([Revision(each, AT) for each in alerts], _decide)

    async def settled(self, state: State, sink: Sink = Sink.SLACK) -> None:
        async def all_are() -> bool:
            rows = await self.pool.fetch("select state from deliveries where sink = $1 and step not like '%#%'", sink)
            return bool(rows) and {row["state"] for row in rows} == {state}

        await until(all_are, what=f"all of {sink} {state}")

    async def settled_messages(self, number: int) -> None:
        await until(lambda: len(self.slack.messages()) >= number, what=f"{number} messages", within=60)

    async def rows(self, sink: Sink = Sink.SLACK) -> dict[str, asyncpg.Record]:
        """The ledger's rows by step, of the one alert that there is."""
        return {row["step"]: row for row in await self.pool.fetch("select * from deliveries where sink = $1", sink)}

    async def is_done(self, *steps: str) -> None:
        async def all_are() -> bool:
            rows = await self.rows()
            return all(step in rows and rows[step]["state"] == State.DONE for step in steps)

        await until(all_are, what=f"{steps} done")

    async def come_due(self, step: str) -> None:
        """As if the time had passed."""
        await self.pool.execute("update deliveries set due_at = now(), not_before = now() where step like $1", step)

    async def act(self, on: Alert, kind: ActionKind, *, by: str = "csm1@example.com", **more: object) -> None:
        """An action as it is stored from its topic."""
        at = datetime.now(UTC)
        await self.pool.execute(
            "insert into actions (action_id, alert_id, customer_id, kind, by, at, snoozed_until) "
            "values (gen_random_uuid(), $1, $2, $3, $4, $5, $6)",
            str(on.alert_id),
            on.customer_id,
            kind,
            by,
            at,
            more.get("until"),
        )
        await self.ledger().revisit(str(on.alert_id))

    async def let_pass(self, seconds: float) -> None:
        """As if so much time had passed, for the ledger and for the couriers."""
        self.passed += seconds
        await self.pool.execute(
            "update deliveries set due_at = due_at - $1::interval, created_at = created_at - $1::interval, "
            "claimed_until = claimed_until - $1::interval, rests_until = rests_until - $1::interval",
            timedelta(seconds=seconds),
        )

    async def age(self) -> None:
        await self.pool.execute("update deliveries set claimed_until = now() where state = 'claimed'")

    async def stop(self) -> None:
        for look in self.looks:
            look.cancel()
        await asyncio.gather(*self.looks, return_exceptions=True)
        await asyncio.gather(*(courier.stop(5.0) for courier in self.couriers))
        self.looks.clear()
        self.couriers.clear()


def _decide(each: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
    return changes(each, WORKFLOWS, rows)
