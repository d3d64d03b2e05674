"""`POST /slack/interactions`: interactions over HTTP, signed by Slack.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from collections.abc import Callable

from slack_sdk.signature import Clock, SignatureVerifier
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from web.slack.desk import SlackDesk
from web.slack.payload import Unreadable, of_body

PATH = "/slack/interactions"

_LARGEST = 1 << 20  # bytes; Slack's payloads have some tens of thousands


class _Clock(Clock):
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def now(self) -> float:
        return self._now()


class Interactions:
    """The endpoint.

    Args:
        desk: what carries interactions out.
        secret: the app's signing secret.
        now: seconds since 1970; a request that is more than five minutes off is refused.
    """

    def __init__(self, desk: SlackDesk, secret: str, now: Callable[[], float]) -> None:
        self._desk = desk
        self._verifier = SignatureVerifier(secret, _Clock(now))

    async def receive(self, request: Request) -> Response:
        """200 with what Slack is to do; 401 without a signature that holds, 400 and 413 for what is no interaction."""
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LARGEST:
                    return PlainTextResponse("too large", status_code=413)
        except ClientDisconnect:
            return PlainTextResponse("gone", status_code=400)
        if not self._signed(body, request):
            return PlainTextResponse("not signed by Slack", status_code=401)
        try:
            answer = await self._desk.receive(of_body(body))
        except Unreadable as error:
            return PlainTextResponse(str(error), status_code=400)
        # Slack takes an empty answer as done, and anything else as words to show.
        return JSONResponse(dict(answer)) if answer else Response(status_code=200)

    def _signed(self, body: bytes, request: Request) -> bool:
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        # The verifier fails on digits of other scripts and on text that is not ASCII, instead of saying no.
        if not (timestamp.isascii() and timestamp.isdigit() and signature.isascii()):
            return False
        try:
            return bool(self._verifier.is_valid(body, timestamp, signature))
        except ValueError:
            return False
