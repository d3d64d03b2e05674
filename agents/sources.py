"""The way in for what survey tools say by signed webhooks, by the settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from agents import metrics
from agents.commands.send import Message
from agents.intake import Intake
from agents.publisher import Publisher
from agents.settings import PREFIX, BadSettings, Settings
from schemas.signature import BadSecret
from schemas.source import Source
from schemas.source_files import load_sources
from streams.sources.signed import check_secret
from streams.topology import EVENTS
from web.database import Database
from web.source_hook import RESULTS, Believed, SourceHook

_PATIENCE = 4.0  # seconds; most senders give up after 5, and come again


class Sources:
    """What receives them, once it is `open`. Raises `BadSettings` and `schemas.yaml_file.BadFile`."""

    def __init__(self, settings: Settings) -> None:
        known = believed(settings, load_sources(settings.sources))
        self._publisher = Publisher(settings, patience=_PATIENCE)
        self._database = Database(settings.postgres_dsn.get_secret_value(), size=4)
        intake = Intake(self._database, self._send, settings.topic(EVENTS))
        for name in known:
            for result in RESULTS:
                metrics.SOURCE_ANSWERS.labels(name, result)  # from the beginning: the first failure is a rise, too
        hook = SourceHook(
            known,
            intake.take,
            lambda name, result: metrics.SOURCE_ANSWERS.labels(name, result).inc(),
            lambda: datetime.now(UTC),
        )
        self.receive = hook.receive
        """The endpoint."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connected as far as is needed."""
        await self._database.open()
        try:
            yield
        finally:
            await self._publisher.close()
            await self._database.close()

    async def _send(self, topic: str, message: Message) -> None:
        await self._publisher.send(topic, message.key, message.value or b"", message.headers)


def wanted(settings: Settings) -> bool:
    """Whether such messages can come in at all."""
    return any(each.secret is not None for each in settings.source.values())


def believed(settings: Settings, sources: Mapping[str, Source]) -> Mapping[str, Believed]:
    """The sources that have a secret. Raises `BadSettings` for a name that is no source's, or a secret that is none."""
    found: dict[str, Believed] = {}
    for name, given in settings.source.items():
        source = sources.get(name)
        setting = f"{PREFIX}SOURCE_{name.upper()}"
        if source is None:
            known = ", ".join(sorted(sources))
            raise BadSettings(f"{setting}_…: {name} is no source: it must be one of {known}, or have a mapping")
        if given.secret is None:
            continue
        if source.signature is None or source.webhook is None:
            raise BadSettings(f"{setting}_SECRET: the mapping of {name} has no webhook: remove the setting, or add it")
        secret = given.secret.get_secret_value()
        try:
            check_secret(source.signature, secret)
        except BadSecret as bad:
            raise BadSettings(f"{setting}_SECRET: {bad}") from None
        found[name] = Believed(source, source.signature, source.webhook, secret)
    return found
