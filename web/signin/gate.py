"""Stands before every route: nobody gets through whom the table of rights does not let through."""

from collections.abc import Mapping
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from web.signin.forms import Refused, checked
from web.signin.limit import Limit
from web.signin.rights import ACCESS, Open, may_use
from web.signin.session import Sessions
from web.templates import Templates
from web.viewer import Viewer

SIGN_INS = (60, 60.0)
"""So many requests to the way in from one address, in so many seconds."""
FORMS = (60, 60.0)
"""So many forms of one person, in so many seconds."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_log = structlog.get_logger(__name__)


class Gate:
    """ASGI middleware, below the one that reads the cookie.

    Args:
        app: what is behind it.
        sessions: who somebody is.
        templates: for the page that says no.
        origin: of the pages where a proxy is in front, as browsers call it.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions, templates: Templates, origin: str | None = None) -> None:
        self._app = app
        self._origin = origin
        self._sessions = sessions
        self._templates = templates
        self._sign_ins = Limit(*SIGN_INS)
        self._forms = Limit(*FORMS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"no route takes {scope['type']}")
        request = Request(scope, receive)
        name = _route(scope)
        viewer, csrf = (await self._sessions.read(request) if name != "static" else None) or (None, "")
        request.state.viewer, request.state.csrf = viewer, csrf
        answer = await self._answer(request, name, viewer)
        if answer is None and request.method not in _SAFE and ACCESS[name or ""] is not Open.MACHINE:
            try:
                form = await checked(request, csrf, self._origin)
            except Refused as refused:
                _log.info("form refused", route=name, reason=str(refused))
                answer = self._no(request, refused.status, str(refused))
            else:
                request.state.form, receive = form.fields, form.again
        await (answer or self._app)(scope, receive, send)

    async def _answer(self, request: Request, name: str | None, viewer: Viewer | None) -> Response | None:
        """What to say instead of the page; None: the page."""
        if name is None and viewer is not None:
            return None  # nothing is there, and the person may know it
        if not may_use(name, viewer):
            return self._stranger(request) if viewer is None else self._no(request, 403, _NOT_YOURS)
        if ACCESS[name or ""] is Open.ANYONE:
            wait = await self._sign_ins.spend(_address(request)) if name != "static" else None
        elif request.method not in _SAFE and viewer is not None:
            wait = await self._forms.spend(viewer.email)
        else:
            wait = None
        if wait is not None:
            _log.warning("too many requests", route=name)
            return self._no(request, 429, f"Too much at once: wait {wait} s.", {"Retry-After": str(wait)})
        return None

    @staticmethod
    def _stranger(request: Request) -> Response:
        """To the sign-in, and from there back. A script is told to sign in, and a fragment loads its page anew."""
        opens = "text/html" in request.headers.get("accept", "") and "hx-request" not in request.headers
        if request.method in {"GET", "HEAD"} and opens:
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/sign-in?next={quote(target, safe='')}", 303)
        return PlainTextResponse("sign in first\n", 401, {"HX-Refresh": "true", "WWW-Authenticate": "Cookie"})

    def _no(self, request: Request, status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
        title = {403: "That is not for you", 429: "A little slower"}.get(status, "That cannot be done")
        return self._templates.page(
            request,
            "error.html",
            status=status,
            headers=headers,
            title=title,
            text=text[0].upper() + text[1:],
            retry=False,
        )


_NOT_YOURS = "Your role does not include this page. An operator can say who has which: see CSATWATCH_OIDC_MANAGERS."


def _route(scope: Scope) -> str | None:
    """The name of the route that answers; None: none does."""
    partial: BaseRoute | None = None
    for route in scope["app"].router.routes:
        match, _ = route.matches(scope)
        if match is Match.FULL:
            return getattr(route, "name", "") or ""
        if match is Match.PARTIAL and partial is None:
            partial = route  # another method: for whom the route is, learns so
    return (getattr(partial, "name", "") or "") if partial is not None else None


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
