"""Spans by OpenTelemetry's SDK, sent over OTLP/HTTP. Imported only where a setting names a collector.

Attributes are ids, kinds and codes: nothing that a customer said, and no address of a person.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from time import time_ns
from types import SimpleNamespace

import aiohttp
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, get_current_span, set_span_in_context, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agents.traces import Headers, Traces, traceparent
from schemas import wire
from schemas.alert import Alert
from schemas.digest import Digest
from sinks.base import Delivery, Elsewhere, Outcome, SendError
from sinks.ledger import Revision
from streams.records import Raised
from streams.topology import ALERTS

_EXPORT_SECONDS = 5.0
_CLOSE_SECONDS = 3.0

_context = TraceContextTextMapPropagator()


class OpenTelemetry(Traces):
    """Spans to a collector.

    Args:
        url: where it takes OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces.
        service: whose spans they are.

    What it cannot take is dropped: nobody waits for it. The SDK's own OTEL_… variables say the rest, such as
    OTEL_TRACES_SAMPLER and OTEL_EXPORTER_OTLP_HEADERS.
    """

    def __init__(self, url: str, service: str) -> None:
        resource = Resource.create({"service.name": service, "service.version": version("csatwatch")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=url, timeout=_EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("csatwatch")

    @contextmanager
    def raising(self, raised: Sequence[Raised], topic: str, partition: int) -> Iterator[Iterable[Headers]]:
        """See `Traces`."""
        with ExitStack() as stack:
            spans = [
                self._span(
                    stack,
                    "detect",
                    each.alert,
                    _parent(traceparent(each.headers)),
                    kind=SpanKind.CONSUMER,
                    start=each.timestamp * 1_000_000,
                    about=_place(topic, partition),
                )
                for each in raised
            ]
            yield [[("traceparent", _written(span).encode())] for span in spans]

    @contextmanager
    def recording(self, revisions: Sequence[Revision]) -> Iterator[Sequence[Revision]]:
        """See `Traces`."""
        with ExitStack() as stack:
            marked = []
            for each in revisions:
                start, parent = round(each.published_at.timestamp() * 1e9), _parent(each.traceparent)
                span = self._span(
                    stack, "record", each.alert, parent, kind=SpanKind.CONSUMER, start=start, about=_place(ALERTS)
                )
                marked.append(replace(each, traceparent=_written(span)))
            yield marked

    @contextmanager
    def carrying(self, deliveries: Sequence[Delivery]) -> Iterator[Callable[[Sequence[Outcome]], None]]:
        """See `Traces`."""
        with ExitStack() as stack:
            spans = [
                self._span(
                    stack,
                    f"deliver {each.sink}",
                    each.alert,
                    _parent(each.traceparent),
                    kind=SpanKind.INTERNAL,
                    about={"csatwatch.step": each.step, "csatwatch.attempt": each.attempts + 1},
                )
                for each in deliveries
            ]
            if len(spans) == 1:  # what is asked for on the way belongs to it
                stack.enter_context(use_span(spans[0], end_on_exit=False, record_exception=False))

            def told(outcomes: Sequence[Outcome]) -> None:
                for span, outcome in zip(spans, outcomes, strict=True):
                    span.set_attribute("csatwatch.outcome", type(outcome).__name__.lower() if outcome else "nothing")
                    if isinstance(outcome, SendError) and not isinstance(outcome, Elsewhere):
                        span.set_status(StatusCode.ERROR, str(outcome))

            yield told

    def requests(self) -> list[aiohttp.TraceConfig]:
        """See `Traces`."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._asked)
        config.on_request_end.append(_answered)
        config.on_request_exception.append(_failed)
        return [config]

    async def close(self) -> None:
        """See `Traces`."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(done.set)

        # A thread that the interpreter does not wait for: a collector that hangs must not hold up the end.
        threading.Thread(target=shut_down, name="traces", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await done.wait()

    def _span(
        self,
        stack: ExitStack,
        name: str,
        alert: Alert | Digest | wire.Alert,
        parent: Context,
        *,
        kind: SpanKind,
        about: Mapping[str, str | int],
        start: int | None = None,
    ) -> Span:
        """One that ends with `stack`; `start` in nanoseconds since 1970, not after now."""
        attributes = {
            "csatwatch.alert_id": str(alert.alert_id),
            "csatwatch.kind": str(alert.kind),
            "csatwatch.severity": str(alert.severity),
            "csatwatch.status": str(alert.status),
            "csatwatch.revision": alert.revision,
            **about,
        }
        begun = None if start is None else min(start, time_ns())
        span = self._tracer.start_span(name, parent, kind, attributes, start_time=begun)
        stack.callback(span.end)
        return span

    async def _asked(
        self, _: aiohttp.ClientSession, asking: SimpleNamespace, request: aiohttp.TraceRequestStartParams
    ) -> None:
        # The last part of the path alone, the method of Slack's API: the rest, and a query, may hold more.
        if get_current_span().get_span_context().is_valid:
            about = {"http.request.method": request.method, "server.address": request.url.host or ""}
            asking.span = self._tracer.start_span(f"slack {request.url.name}", kind=SpanKind.CLIENT, attributes=about)


async def _answered(_: aiohttp.ClientSession, asking: SimpleNamespace, request: aiohttp.TraceRequestEndParams) -> None:
    if span := getattr(asking, "span", None):
        span.set_attribute("http.response.status_code", request.response.status)
        span.end()


async def _failed(
    _: aiohttp.ClientSession, asking: SimpleNamespace, request: aiohttp.TraceRequestExceptionParams
) -> None:
    if span := getattr(asking, "span", None):
        span.set_status(StatusCode.ERROR, type(request.exception).__name__)
        span.end()


def _parent(context: str | None) -> Context:
    """Of a span that goes on with the trace; one of its own where there is none, or the text is none."""
    return _context.extract({"traceparent": context} if context else {}, context=Context())


def _written(span: Span) -> str:
    carrier: dict[str, str] = {}
    _context.inject(carrier, set_span_in_context(span, Context()))
    return carrier["traceparent"]


def _place(topic: str, partition: int | None = None) -> Mapping[str, str | int]:
    place = {"messaging.system": "kafka", "messaging.destination.name": topic}
    return place if partition is None else place | {"messaging.destination.partition.id": str(partition)}
