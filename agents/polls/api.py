"""Reads of a survey source's API: tried again while it is away or asks to wait, never led elsewhere."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import count
from typing import Any

import aiohttp

from agents.settings import PREFIX
from sinks.backoff import Backoff
from sinks.base import Permanent, Retriable, SendError
from sinks.tasks.http import Http, encode

_LARGEST = 32 << 20  # bytes of a page
_REFUSED = frozenset({int(HTTPStatus.UNAUTHORIZED), int(HTTPStatus.FORBIDDEN)})

PATIENT = Backoff(first=1.0, most=60.0, attempts=6)
"""About a minute, or as long as the API asks for each time."""

Query = Mapping[str, str | int]

Asked = AsyncIterator[Any]
"""Pages as the source's mapping knows them: a `record` each, or a list of them."""


class Api:
    """One source's API.

    Args:
        session: whose connections are used.
        name: of the source.
        url: where the API is, without a slash at its end.
        headers: on every call, such as the one with the token.
        timeout: seconds a call.
        backoff: when a call is tried again.
        say: takes a line about what is waited for.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        name: str,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout: float = 30.0,
        backoff: Backoff = PATIENT,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.url = url
        self._name = name
        self._backoff = backoff
        self._say = say
        self._http = Http(session, name, headers=headers, timeout=timeout, largest=_LARGEST)

    async def get(self, path: str, query: Query | None = None, *, missing: bool = False) -> Any:  # noqa: ANN401 (JSON)
        """The JSON at `path`; where it may be `missing`, None for that. Raises `sinks.base.SendError`."""
        return await self._ask("GET", path, {k: str(v) for k, v in (query or {}).items()}, None, missing=missing)

    async def post(self, path: str, body: object) -> Any:  # noqa: ANN401 (JSON)
        """The JSON that answers a question which changes nothing. Raises `sinks.base.SendError`."""
        return await self._ask("POST", path, None, encode(body), missing=False)

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str] | None, body: bytes | None, *, missing: bool
    ) -> Any:  # noqa: ANN401 (JSON)
        accept = _REFUSED | ({int(HTTPStatus.NOT_FOUND)} if missing else set())
        for attempt in count():
            try:
                answer = await self._http.call(
                    method, self.url + path, query=query, body=body, accept=accept, changes=False
                )
                if answer.status in _REFUSED:
                    setting = f"{PREFIX}SOURCE_{self._name.upper()}_TOKEN"
                    raise Permanent(f"{self._name}: HTTP {answer.status}: mend {setting}, or the rights of the token")
                if answer.status == HTTPStatus.NOT_FOUND:
                    return None
                if answer.data is None:
                    raise Retriable(f"{self._name}: an answer is no JSON")
            except SendError as error:
                wait = self._backoff.wait(attempt, error)
                if wait is None:
                    raise
                self._say(f"{error}: once more in {wait.total_seconds():g} s")
                await asyncio.sleep(wait.total_seconds())
            else:
                return answer.data
        raise AssertionError("it counts for ever")


@dataclass(frozen=True, slots=True)
class Poll:
    """How a source's API is read.

    Attributes:
        headers: what proves who asks: of the user, who may be nobody, and the token.
        pages: its answers since a time, page by page; an answer may come twice. Raises `sinks.base.SendError`.
        example: of its address, for people.
    """

    name: str
    example: str
    headers: Callable[[str | None, str], Mapping[str, str]]
    pages: Callable[[Api, datetime], Asked]


def basic(user: str, password: str) -> Mapping[str, str]:
    """The header of HTTP's basic authentication."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def listed(said: Any, *path: str) -> list[Any]:  # noqa: ANN401 (JSON)
    """The objects of the list at `path`; nothing where there is none."""
    for name in path:
        said = said.get(name) if isinstance(said, dict) else None
    return [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []
