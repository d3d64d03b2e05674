"""What every response carries, and who may ask."""

from collections.abc import Collection, Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names of this machine for itself. Any other in a request's Host header is somebody's page that points here."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",  # an address of ours can hold a customer's id
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

HTTPS: Mapping[str, str] = {"Strict-Transport-Security": "max-age=31536000"}
"""Where people come by https: their browsers shall come by nothing else for a year. Of this name alone: what else is
under its domain is not ours to say."""


def allowed_hosts(hosts: Collection[str]) -> list[str]:
    """The names in a Host header that are answered: this machine's own, and those of `hosts` that are names.

    An address that stands for "every interface" is nobody's name.
    """
    named = {host if ":" not in host.strip("[]") else f"[{host.strip('[]')}]" for host in hosts}
    return sorted({*LOOPBACK, *(host.lower() for host in named)} - {"0.0.0.0", "[::]", "*", ""})  # noqa: S104 - left out, not bound


class SecurityHeaders:
    """Puts `HEADERS` on every response; pages of customers are kept nowhere, static files are asked for again.

    `https`: whether people come by https, be it to a proxy in front.
    """

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self._app = app
        self._headers = {**HEADERS, **(HTTPS if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)  # a page that holds its own style says so itself
                headers["Cache-Control"] = "no-cache" if scope["path"].startswith("/static/") else "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)
