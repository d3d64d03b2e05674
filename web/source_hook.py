"""`POST /sources/NAME`: a survey tool says what a customer answered, signed in its own way."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from schemas.signature import BadSignature
from schemas.source import Shape, Signature, Source
from streams.sources.answer import Answer, Unmappable, answer
from streams.sources.pick import items
from streams.sources.signed import verify
from web.signin.limit import Limit

PATH = "/sources/{source}"

REQUESTS = (3000, 60.0)
"""So many requests of one address to one source, in so many seconds."""

_LARGEST = 1 << 20  # bytes; a conversation with all its parts has some tens of thousands
_AGAIN = {"Retry-After": "10"}

_log = structlog.get_logger(__name__)


class Taken(StrEnum):
    """What became of an answer."""

    PUBLISHED = "published"
    UNRESOLVED = "unresolved"


Take = Callable[[Answer], Awaitable[Taken]]
"""Returns when Kafka has the answer, as an event or among those of which it is not known whose they are."""

RESULTS = (*Taken, "ignored", "unreadable", "refused", "slowed", "away")


@dataclass(frozen=True, slots=True)
class Believed:
    """A source whose webhooks are taken, and the secret that they prove to know."""

    source: Source
    signature: Signature
    shape: Shape
    secret: str


class _NotTaken(Exception):
    def __init__(self, result: str, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.result = result
        self.status = status
        self.headers = headers


class SourceHook:
    """The endpoint.

    Args:
        believed: by name; any other source is not found.
        take: takes the answers.
        count: takes the name of the source, and one of `RESULTS`.
        now: the time.
        limit: how often one address may come to one source.
    """

    def __init__(
        self,
        believed: Mapping[str, Believed],
        take: Take,
        count: Callable[[str, str], None],
        now: Callable[[], datetime],
        limit: Limit | None = None,
    ) -> None:
        self._believed = believed
        self._take = take
        self._count = count
        self._now = now
        self._limit = limit or Limit(*REQUESTS)

    async def receive(self, request: Request) -> Response:
        """204 once Kafka has it, or where it is no answer; 202 where it is not known whose it is.

        401 without a signature that holds, 400 and 413 for what cannot be read, 503 and 429: send it again later.
        """
        believed = self._believed.get(request.path_params["source"])
        if believed is None:
            return PlainTextResponse("no such source is set up here", 404)
        if request.method == "HEAD":  # some ask whether somebody is there
            return Response(status_code=200)
        name = believed.source.source
        try:
            await self._not_too_often(name, request)
            return await self._all(name, _read(believed, *await self._signed(believed, request)))
        except _NotTaken as why:
            self._count(name, why.result)
            _log.warning("an answer is not taken", source=name, status=why.status, reason=str(why))
            return PlainTextResponse(str(why), why.status, why.headers)

    async def _not_too_often(self, name: str, request: Request) -> None:
        client = request.client.host if request.client is not None else ""
        if (wait := await self._limit.spend(f"{name} {client}")) is not None:
            raise _NotTaken("slowed", 429, "too much at once", {"Retry-After": str(wait)})

    async def _signed(self, believed: Believed, request: Request) -> tuple[bytes, datetime]:
        """The body, and when it was signed. Raises `_NotTaken`."""
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LARGEST:
                    raise _NotTaken("unreadable", 413, "too large")
            return body, verify(believed.signature, believed.secret, request.headers, body, self._now())
        except ClientDisconnect:
            raise _NotTaken("unreadable", 400, "gone") from None
        except BadSignature as bad:
            raise _NotTaken("refused", 401, f"not signed: {bad}") from None

    async def _all(self, name: str, answers: list[Answer]) -> Response:
        if not answers:
            self._count(name, "ignored")
        taken = set()
        for each in answers:
            try:
                became = await self._take(each)
            except Exception as error:  # noqa: BLE001 (whatever keeps it from Kafka, the sender is to come again)
                raise _NotTaken("away", 503, f"not taken ({type(error).__name__})", _AGAIN) from None
            self._count(name, became)
            taken.add(became)
        if Taken.UNRESOLVED in taken:
            return PlainTextResponse("kept until it is known which customer it is of", 202)
        return Response(status_code=204)


def _read(believed: Believed, body: bytes, at: datetime) -> list[Answer]:
    """The answers in a body. Raises `_NotTaken` where one of them cannot be read: then none is taken."""
    try:
        said: Any = json.loads(body)
        found = [answer(believed.source, believed.shape, each, at) for each in items(believed.shape, said)]
    except (ValueError, RecursionError):
        raise _NotTaken("unreadable", 400, "cannot be read: the body is no JSON") from None
    except Unmappable as why:
        raise _NotTaken("unreadable", 400, f"cannot be read: {why}") from None
    return [each for each in found if each is not None]
