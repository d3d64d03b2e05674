"""Is a form ours? What a browser says of where it comes from, and a token that only our pages know."""

from collections.abc import Mapping
from dataclasses import dataclass
from secrets import compare_digest
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

HEADER = "X-CSRF-Token"
"""Where a script puts the token."""
FIELD = "csrf"
"""Where a form has it."""

_LARGEST = 1 << 18  # bytes: an e-mail's text, each character of it escaped
_FIELDS = 200
_FORM = "application/x-www-form-urlencoded"


class Refused(Exception):
    """A request that is not carried out; `status` is HTTP's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Form:
    """The fields, each once, and the request's body to be read again."""

    fields: Mapping[str, str]
    again: Receive


def origin(url: str | None) -> str | None:
    """What a browser calls the origin of a page at this address."""
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def checked(request: Request, csrf: str, public: str | None = None) -> Form:
    """The form of a request that a page of ours has sent. Raises `Refused`.

    `public`: the origin under which people reach the pages, where a proxy in front has another.
    """
    _check_origin(request, public)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _body(request)
    if body and kind != _FORM:
        raise Refused(415, f"must be {_FORM}")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise Refused(400, "cannot be read as a form") from None
    fields = dict(pairs)
    given = request.headers.get(HEADER) or fields.get(FIELD, "")
    if not csrf or not compare_digest(given.encode(), csrf.encode()):
        raise Refused(403, "the page is older than the sign-in: load it again, and send the form once more")
    return Form(fields, _once(body, request.receive))


def _check_origin(request: Request, public: str | None) -> None:
    """Browsers say where a request comes from; what says nothing has the token to show."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise Refused(403, "another site's page has sent this")
        return
    # Our pages send no referrer, and with it some browsers hide the origin.
    ours = {None, "null", public, f"{request.url.scheme}://{request.headers.get('host', '')}"}
    if request.headers.get("origin") not in ours:
        raise Refused(403, "another site's page has sent this")


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST:
                raise Refused(413, "too large")
    except ClientDisconnect:
        raise Refused(400, "gone") from None
    return body


def _once(body: bytes, then: Receive) -> Receive:
    """Gives the body, and after it what comes of the connection."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return await then()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
