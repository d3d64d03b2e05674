"""The way in and the way out."""

from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from schemas.action import Action, ActionKind
from web.publish import Publish, system_action
from web.signin.link import PATH, OneTimeLink
from web.signin.oidc import Provider, ProviderAway, callback
from web.signin.people import NotLetIn
from web.signin.session import Cookies, Sessions
from web.signin.target import safe
from web.templates import Templates
from web.viewer import known_viewer, viewer_of

_BACK = "/sign-in/back"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people come in. With neither a provider nor a link nobody does.

    Attributes:
        public_url: where people reach the pages; None: as their browser says.
    """

    cookies: Cookies
    provider: Provider | None = None
    link: OneTimeLink | None = None
    public_url: str | None = None


class SignInPages:
    """`/sign-in` and what belongs to it."""

    def __init__(
        self, sign_in: SignIn, sessions: Sessions, templates: Templates, publish: Publish | None = None
    ) -> None:
        """`publish`: returns once what was done is on `csm-actions`; None: it is not recorded."""
        self._publish = publish
        self._sign_in = sign_in
        self._sessions = sessions
        self._templates = templates

    def routes(self) -> list[Route]:
        """All of them, by the names in the table of rights."""
        routes = [
            Route("/sign-in", self.begin, name="sign_in"),
            Route(_BACK, self.back, name="sign_in_back"),
            Route("/sign-out", self.end, methods=["POST"], name="sign_out"),
            Route("/signed-out", self.ended, name="signed_out"),
        ]
        if self._sign_in.link is not None:
            routes += [
                Route(PATH, self.by_link, name="sign_in_link"),
                Route("/sign-in/another", self.another, methods=["POST"], name="another_link"),
            ]
        return routes

    async def begin(self, request: Request) -> Response:
        """`/sign-in`: to the provider; `?next=` is where to go then."""
        target = safe(request.query_params.get("next"))
        if known_viewer(request) is not None:
            return RedirectResponse(target, 303)
        if self._sign_in.provider is not None:
            try:
                return await self._sign_in.provider.begin(
                    request, callback(request, self._sign_in.public_url, _BACK), target
                )
            except ProviderAway:
                return self._away(request)
        if self._sign_in.link is not None:
            return self._say(request, 401, "Open the link that csatwatch printed", _LINK)
        return self._say(request, 403, "Sign-in is not set up", _NO_WAY_IN)

    async def back(self, request: Request) -> Response:
        """Where the provider sends people to."""
        if self._sign_in.provider is None:
            return RedirectResponse("/sign-in", 303)
        try:
            viewer, target = await self._sign_in.provider.finish(request)
        except ProviderAway:
            return self._away(request)
        except NotLetIn as why:
            return self._say(request, 403, "You are not signed in", str(why), again=True)
        self._sessions.begin(request, viewer)
        _log.info("signed in", role=viewer.role.value, by="provider")
        return RedirectResponse(target, 303)

    async def by_link(self, request: Request) -> Response:
        """The one-time link. Opened again in the same browser it leads to the pages."""
        if known_viewer(request) is not None:
            return RedirectResponse("/", 303)
        link = self._sign_in.link
        viewer = link.spend(request, request.query_params.get("token", "")) if link is not None else None
        if viewer is None:
            return self._say(request, 401, "This link is good no longer", _LINK)
        self._sessions.begin(request, viewer)
        _log.info("signed in", role=viewer.role.value, by="link")
        return RedirectResponse("/", 303)

    async def another(self, request: Request) -> Response:
        """A new link, for another browser on this machine."""
        if self._sign_in.link is None:
            return RedirectResponse("/", 303)
        if not await self._done(system_action(ActionKind.LINK_REQUESTED, viewer_of(request))):
            return self._templates.page(
                request, "error.html", status=503, title="There is no new link", text=_UNRECORDED, retry=False
            )
        return self._templates.page(
            request, "link.html", link=f"{request.base_url}{self._sign_in.link.again().removeprefix('/')}"
        )

    async def end(self, request: Request) -> Response:
        """Sign out, here at once; everywhere else by a record, or it is said that there was none."""
        viewer, session = viewer_of(request), self._sessions.end(request)
        told = await self._done(system_action(ActionKind.SIGNED_OUT, viewer, session=session))
        _log.info("signed out", role=viewer.role.value, everywhere=told)
        return RedirectResponse("/signed-out" if told else "/signed-out?here=1", 303)

    async def ended(self, request: Request) -> Response:
        """`/signed-out`: that it is done."""
        if known_viewer(request) is not None:
            return RedirectResponse("/", 303)
        text = f"{_OUT} {_HERE}" if request.query_params.get("here") == "1" else _OUT
        return self._say(request, 200, "You are signed out", text, again=self._sign_in.provider is not None)

    async def _done(self, action: Action) -> bool:
        """Whether it is recorded; where nothing can be, nothing is said of it."""
        if self._publish is None:
            return True
        try:
            await self._publish(action)
        except Exception as error:  # noqa: BLE001 (whatever keeps it from Kafka, the person must hear of it)
            _log.error("an action is not published", asked=action.kind.value, error=type(error).__name__)
            return False
        return True

    def _away(self, request: Request) -> Response:
        return self._say(request, 503, "Nobody can sign in right now", _AWAY, again=True)

    def _say(self, request: Request, status: int, title: str, text: str, *, again: bool = False) -> Response:
        return self._templates.page(request, "sign_in.html", status=status, title=title, text=text, again=again)


_LINK = (
    "It signs in the first browser that opens it, on this machine. For another browser, an operator who is signed in "
    "gets a new one from the operators' page; where nobody is, start csatwatch again."
)
_NO_WAY_IN = (
    "Set CSATWATCH_OIDC_ISSUER and CSATWATCH_OIDC_CLIENT_ID, so that people sign in with your organisation's provider: "
    "docs/sign-in.md says how."
)
_AWAY = "The sign-in provider gives no answer that can be used. Who is signed in stays so; csatwatch's log says more."
_HERE = (
    "Kafka does not answer just now: the sign-out could not be recorded, and with more than one web process a copy of "
    "your cookie, if anybody has one, is good on the others until it ends by itself."
)
_UNRECORDED = "It could not be recorded just now, for Kafka does not answer. Try again in a moment."
_OUT = "Of csatwatch: your organisation's provider may still know you."
