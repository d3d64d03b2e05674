"""How people come in, by the settings."""

import secrets
from ipaddress import ip_address

import structlog

from agents.settings import PREFIX, Settings
from web.signin.link import OneTimeLink
from web.signin.oidc import Client, Provider
from web.signin.pages import SignIn
from web.signin.people import Roles
from web.signin.session import Cookies

_log = structlog.get_logger(__name__)


def sign_in(settings: Settings) -> SignIn:
    """With a provider, people sign in there; without one there is a one-time link, on this machine alone."""
    if settings.session_key is None:
        _log.info("sessions end with this process", fix=f"set {PREFIX}SESSION_KEY to keep them, and to run two")
    key = settings.session_key.get_secret_value() if settings.session_key else secrets.token_urlsafe(32)
    if settings.oidc_issuer is not None and settings.oidc_client_id is not None:
        is_https = (settings.public_url or "").startswith("https://")
        cookies = Cookies(key, hours=settings.session_hours, secure=is_https)
        return SignIn(cookies, provider=Provider(_client(settings)), public_url=settings.public_url)
    # The link is opened on this machine, without https whatever others come by.
    return SignIn(Cookies(key, hours=settings.session_hours), link=_link(settings))


def _client(settings: Settings) -> Client:
    return Client(
        issuer=settings.oidc_issuer or "",
        client_id=settings.oidc_client_id or "",
        secret=settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None,
        scopes=settings.oidc_scopes,
        roles=Roles(
            claim=settings.oidc_role_claim,
            managers=_names(settings.oidc_managers),
            operators=_names(settings.oidc_operators),
            verified=settings.oidc_email_verified_claim,
        ),
    )


def _link(settings: Settings) -> OneTimeLink | None:
    if settings.sign_in_link == "off":
        return None
    published = settings.sign_in_link == "published"
    if not published and not _is_loopback(settings.web_bind):
        _log.warning(
            "nobody can sign in",
            fix=f"set {PREFIX}OIDC_ISSUER and {PREFIX}OIDC_CLIENT_ID, or bind the pages to this machine alone",
        )
        return None
    token = settings.sign_in_token.get_secret_value() if settings.sign_in_token else None
    return OneTimeLink(token, published=published)


def _is_loopback(bind: str) -> bool:
    host = bind.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _names(text: str | None) -> frozenset[str]:
    return frozenset(each.strip().lower() for each in (text or "").split(",") if each.strip())
