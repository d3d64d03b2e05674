"""What becomes of an alert as spans of a trace, for an OpenTelemetry collector. Off unless a setting names one.

Off, nothing of OpenTelemetry is imported, and every method here does nothing. On, `agents.open_telemetry` takes their
place. The context goes from process to process in the header `traceparent` (W3C Trace Context) of the topics' records,
and from the intake to the steps in Postgres.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import repeat

import aiohttp

from agents.settings import PREFIX, BadSettings, Settings
from sinks.base import Delivery, Outcome
from sinks.ledger import Revision
from streams.records import Raised

Headers = Iterable[tuple[str, bytes]]

_NAMES = ("traceparent", "ce_traceparent")  # the second is CloudEvents' extension, in Kafka's binary mode


class Traces:
    """Spans around what is done for alerts; these do nothing."""

    def raising(
        self, raised: Sequence[Raised], topic: str, partition: int
    ) -> AbstractContextManager[Iterable[Headers]]:
        """While alerts are published: a span each, from the broker's time of the rating on.

        Gives the headers that each alert's record is to carry.
        """
        del raised, topic, partition
        return nullcontext(repeat(()))

    @contextmanager
    def recording(self, revisions: Sequence[Revision]) -> Iterator[Sequence[Revision]]:
        """While alerts are taken in: a span each, from the broker's time of the alert on.

        Gives the revisions, to be recorded with the context that their steps belong to.
        """
        yield revisions

    @contextmanager
    def carrying(self, deliveries: Sequence[Delivery]) -> Iterator[Callable[[Sequence[Outcome]], None]]:
        """While steps are carried out: a span each. Gives what is to be told of their outcomes, in the same order."""
        del deliveries
        yield _ignore

    def requests(self) -> list[aiohttp.TraceConfig]:
        """For a client's session: a span a request, where a step asks."""
        return []

    async def close(self) -> None:
        """Send what is left, within seconds."""


def traces(settings: Settings, service: str) -> Traces:
    """Those that the settings ask for. Raises `BadSettings` where their libraries are not installed."""
    if settings.traces_url is None:
        return Traces()
    try:
        from agents.open_telemetry import OpenTelemetry  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("opentelemetry"):
            raise
        raise BadSettings(
            f"{PREFIX}TRACES_URL is set, and OpenTelemetry is not installed: pip install 'csatwatch[traces]'"
        ) from None
    return OpenTelemetry(settings.traces_url, service)


def traceparent(headers: Headers | None) -> str | None:
    """The context that a record came with; None: it came with none."""
    given = dict(headers or ())
    found = next((given[name] for name in _NAMES if given.get(name)), None)
    return found.decode("ascii", "replace") if found else None


def _ignore(outcomes: Sequence[Outcome]) -> None:
    del outcomes
