"""Calls to a task system, and what their failures mean for the step."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp

from sinks.base import Permanent, Retriable

LARGEST = 1 << 20
"""Bytes of an answer, where nothing else is said."""
_LONGEST_WAIT = 3600.0  # seconds; a larger Retry-After is looked at again after this
_WAIT_FOR_OPERATOR = 60.0  # seconds
_WAIT_UNTOLD = 30.0  # seconds, where a refusal does not say how long


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `data` is None where it is no JSON."""

    status: int
    data: Any
    headers: Mapping[str, str]


class Http:
    """JSON over HTTP to one place.

    Redirects are not followed: they would carry the secret elsewhere. What it raises holds the system's name and a
    status or a class, never an address, an answer's text or a secret.

    Args:
        session: whose connections are used.
        name: of the system, in errors.
        headers: on every call, such as the one with the token.
        timeout: seconds a call.
        largest: bytes of an answer; what is longer is no JSON.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        name: str,
        *,
        headers: Mapping[str, str],
        timeout: float,
        largest: int = LARGEST,
    ) -> None:
        self._session = session
        self._name = name
        self._headers = dict(headers)
        self._timeout = timeout
        self._largest = largest

    async def call(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset(),
        changes: bool = True,
    ) -> Answer:
        """One call; an answer of 2xx, or of a status in `accept`.

        `changes`: it may have been carried out although no answer came. Raises Retriable or Permanent.
        """
        try:
            async with self._session.request(
                method,
                url,
                data=body,
                params=query,
                headers={"Content-Type": "application/json", "Accept": "application/json"}
                | self._headers
                | dict(headers or {}),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            ) as response:
                raw = b""
                async for chunk in response.content.iter_any():
                    raw += chunk
                    if len(raw) > self._largest:
                        raw = b""
                        break
                answer = Answer(response.status, _json(raw), response.headers)
        except aiohttp.ClientConnectorError:
            raise Retriable(f"{self._name}: cannot connect", away=True) from None
        except TimeoutError:
            text = f"{self._name}: no answer within {self._timeout:g} s"
            # Asked about no sooner than it could still be under way there.
            after = self._timeout if changes else None
            raise Retriable(text, after=after, uncertain=changes, away=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Retriable(f"{self._name}: {type(error).__name__}", uncertain=changes) from None
        if answer.status in accept or HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return answer
        raise self._refused(answer, changes=changes)

    def _refused(self, answer: Answer, *, changes: bool) -> Retriable | Permanent:
        status, what = answer.status, f"{self._name}: HTTP {answer.status}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = retry_after(answer.headers)
            return Retriable(f"{self._name}: rate limited", after=_WAIT_UNTOLD if wait is None else wait, counts=False)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return Retriable(f"{what}: mend the token or its rights", after=_WAIT_FOR_OPERATOR, away=True)
        if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.CONFLICT):
            return Retriable(what, uncertain=changes)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Retriable(what, after=retry_after(answer.headers), uncertain=changes, away=True)
        return Permanent(what)


def encode(value: object) -> bytes:
    """JSON as it is sent."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the answer asks to wait (RFC 9110, 10.2.3); None where it does not say."""
    said = headers.get("Retry-After", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _json(raw: bytes) -> Any:  # noqa: ANN401 (whatever the system says)
    try:
        return json.loads(raw)
    except ValueError:
        return None
