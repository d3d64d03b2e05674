"""Sets everything up: the embedded servers, the four processes, and the sample on its topics."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from pydantic import SecretStr

from agents.commands.publish import message
from agents.commands.send import Message, send_all
from agents.commands.topics import create
from agents.embedded.broker import embedded_broker
from agents.embedded.part import part
from agents.embedded.port import LOOPBACK, free_ports
from agents.embedded.postgres import embedded_postgres
from agents.embedded.process import OnFailure
from agents.embedded.screen import Screen
from agents.embedded.together import together
from agents.settings import Settings
from sinks.postgres import migrate
from streams.sample import Sample, SampleRecord
from streams.topology import CUSTOMERS, EVENTS
from web.signin.link import PATH

_SOURCE = "/csatwatch/sample"
_PARTS = ("detect", "store", "deliver", "web")
_BANNER = (
    "This is a sample on embedded servers: they start empty each time and keep nothing. "
    "The customers and their ratings are made up."
)


@dataclass(frozen=True, slots=True)
class Stage:
    """What is up.

    Attributes:
        settings: with which the servers are reached.
        page: the address of the pages.
        link: the one that signs in the first browser that opens it.
        sent: records of the sample on `csat-events`, each acknowledged.
    """

    settings: Settings
    page: str
    link: str
    sent: int


@asynccontextmanager
async def stage(
    settings: Settings, directory: Path, sample: Sample, screen: Screen, on_failure: OnFailure
) -> AsyncIterator[Stage]:
    """Everything, for the time of the block; entered when all processes are ready and all of the sample is sent.

    The addresses of the servers in `settings` are replaced by those of the embedded ones. Logs go to `directory`.
    `on_failure` is told when a server or a process ends by itself.

    Raises:
        ServerFailedError: one of them did not start.
    """
    token = secrets.token_urlsafe(32)
    binds = dict(zip(_PARTS, (f"{LOOPBACK}:{port}" for port in free_ports(len(_PARTS))), strict=True))
    # For the operators' page.
    known = ",".join(f"{name}=http://{bind}" for name, bind in binds.items())
    settings = settings.model_copy(update={"sign_in_token": SecretStr(token), "parts": known})
    async with AsyncExitStack() as stack:
        with screen.doing("starting a broker, a Postgres and csatwatch's four processes", total=6) as show:
            started = count(1)
            begin = partial(_counted, ready=lambda: show(next(started)))
            url = await stack.enter_async_context(begin(embedded_broker(directory, on_failure=on_failure)))
            settings = settings.model_copy(update={"kafka_url": url})
            await create(settings)
            # Before the detector, which reads all accounts before the first event.
            await send_all(settings, CUSTOMERS, (Message(c.customer_id, c.to_json()) for c in sample.customers))
            sent, _, (settings, page) = await stack.enter_async_context(
                together(
                    _published(settings, sample, screen),
                    begin(part("detect", _on(settings, binds["detect"]), directory, on_failure=on_failure)),
                    _behind(settings, binds, directory, on_failure, begin),
                )
            )
        yield Stage(settings, page, f"{page}{PATH}?token={token}", sent)


@asynccontextmanager
async def _behind(
    settings: Settings,
    binds: Mapping[str, str],
    directory: Path,
    on_failure: OnFailure,
    begin: Callable[..., AbstractAsyncContextManager[str]],
) -> AsyncIterator[tuple[Settings, str]]:
    """Postgres, and what needs it."""
    async with begin(embedded_postgres(directory, on_failure=on_failure)) as dsn:
        settings = settings.model_copy(update={"postgres_dsn": SecretStr(dsn)})
        await migrate(dsn)
        async with together(
            begin(part("store", _on(settings, binds["store"]), directory, on_failure=on_failure)),
            begin(part("deliver", _on(settings, binds["deliver"]), directory, on_failure=on_failure)),
            begin(part("web", _on(settings, binds["web"]), directory, "--banner", _BANNER, on_failure=on_failure)),
        ) as (_, _, page):
            yield settings, page


def _on(settings: Settings, bind: str) -> Settings:
    return settings.model_copy(update={"metrics_bind": bind})


@asynccontextmanager
async def _published(settings: Settings, sample: Sample, screen: Screen) -> AsyncIterator[int]:
    with screen.doing("publishing the sample feed", total=len(sample.records)) as show:

        def messages() -> Iterator[Message]:
            for done, record in enumerate(sample.records, start=1):
                yield as_message(record)
                show(done)

        sent = await send_all(settings, EVENTS, messages())
    yield sent


@asynccontextmanager
async def _counted(context: AbstractAsyncContextManager[str], ready: Callable[[], None]) -> AsyncIterator[str]:
    async with context as value:
        ready()
        yield value


def as_message(record: SampleRecord) -> Message:
    """The record as a producer sends it."""
    if record.event is None:
        return Message(record.key, record.value)
    return message(record.event, record.value, source=_SOURCE)
