"""OpenID Connect: the authorization code flow with PKCE, state and nonce.

https://openid.net/specs/openid-connect-core-1_0.html
"""

from dataclasses import dataclass, field
from typing import Any

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.signin.forms import origin
from web.signin.people import NotLetIn, Roles, viewer
from web.signin.target import safe
from web.viewer import Viewer

_NAME = "oidc"
_PATIENCE = 10.0  # seconds
_PLEASE_AGAIN = "The sign-in took too long, or was begun in another browser: begin it again."

_log = structlog.get_logger(__name__)


class ProviderAway(Exception):
    """The provider gives no answer, or none that can be used."""


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows us by.

    Attributes:
        issuer: the provider's address, as it names itself.
        secret: None for a public client, which proves itself by PKCE alone.
        scopes: with spaces between; `openid` among them.
    """

    issuer: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    scopes: str = "openid email profile"
    roles: Roles = field(default_factory=Roles)


class Provider:
    """One provider. Nothing is asked of it before the first sign-in."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._app = OAuth().register(
            _NAME,
            client_id=client.client_id,
            client_secret=client.secret,
            server_metadata_url=f"{client.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": client.scopes,
                "code_challenge_method": "S256",
                "timeout": _PATIENCE,
                **({} if client.secret else {"token_endpoint_auth_method": "none"}),
            },
        )

    async def begin(self, request: Request, back: str, target: str) -> Response:
        """Send the person to the provider, to come `back` and then to the `target`. Raises `ProviderAway`."""
        try:
            await self._check_issuer()
            address = await self._app.create_authorization_url(back)
        except (httpx2.HTTPError, AuthlibBaseError, RuntimeError, ValueError, OSError) as error:
            raise _away(error) from None
        await self._app.save_authorize_data(request, redirect_uri=back, target=target, **address)
        return RedirectResponse(address["url"], 303)

    async def finish(self, request: Request) -> tuple[Viewer, str]:
        """Who has come back, and where they wanted to go. Raises `NotLetIn` and `ProviderAway`."""
        state = request.query_params.get("state", "")
        begun = await self._app.framework.get_state_data(request.session, state)
        if begun is None:
            raise NotLetIn(_PLEASE_AGAIN)
        if request.query_params.get("error"):
            # Its words may be anybody's who made this link: they are not shown.
            await self._app.framework.clear_state_data(request.session, state)
            raise NotLetIn("The sign-in provider has not let you in.")
        try:
            claims = await self._claims(request)
        except (httpx2.HTTPError, OSError) as error:
            raise _away(error) from None
        except (AuthlibBaseError, JoseError, ValueError, KeyError, RuntimeError) as error:
            _log.warning("sign-in refused", error=type(error).__name__)
            raise NotLetIn(_PLEASE_AGAIN) from None
        return viewer(claims, self._client.roles), safe(begun.get("target"))

    async def _claims(self, request: Request) -> dict[str, Any]:
        """Of the ID token, and what only the userinfo endpoint says."""
        await self._check_issuer()
        token = await self._app.authorize_access_token(
            request,
            claims_options={
                "iss": {"essential": True, "value": self._client.issuer},
                "aud": {"essential": True, "value": self._client.client_id},
            },
        )
        claims = dict(token["userinfo"])  # a KeyError where there was no ID token
        if "email" not in claims and (await self._app.load_server_metadata()).get("userinfo_endpoint"):
            more = dict(await self._app.userinfo(token=token))
            # OpenID Connect Core, 5.3.2: another's answer must not be taken for this person's.
            if more.get("sub") != claims["sub"]:
                raise ValueError("userinfo is another person's")
            claims = more | claims
        return claims

    async def _check_issuer(self) -> None:
        named = (await self._app.load_server_metadata()).get("issuer")
        if named != self._client.issuer:
            raise ValueError("the provider names itself otherwise than CSATWATCH_OIDC_ISSUER")


def callback(request: Request, public_url: str | None, path: str) -> str:
    """Where the provider sends people back: it must know this very address."""
    if public_url is None:
        return str(request.url_for("sign_in_back"))
    return f"{origin(public_url)}{path}"


def _away(error: Exception) -> ProviderAway:
    _log.warning("sign-in provider cannot be used", error=type(error).__name__)
    return ProviderAway()
