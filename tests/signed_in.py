"""People who are signed in already: their cookies, made as the pages make them."""

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import aiohttp
from itsdangerous import TimestampSigner

from web.signin.session import COOKIE
from web.viewer import Role, Viewer

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

KEY = "a key of the tests, which is long enough"
CSRF = "a token of the tests"
OPERATOR = Viewer("olga@csatwatch.example", "Olga Operator", Role.OPERATOR)
MANAGER = Viewer("max@csatwatch.example", "Max Manager", Role.MANAGER)
CSM = Viewer("sarah.chen@csatwatch.example", "Sarah Chen", Role.CSM)


def cookie(viewer: Viewer, key: str = KEY) -> str:
    """The value of the cookie of this person, whose forms carry `CSRF`."""
    session = {"id": viewer.email, "csrf": CSRF, "email": viewer.email, "name": viewer.name, "role": viewer.role.value}
    return TimestampSigner(key).sign(b64encode(json.dumps(session).encode())).decode()


def header(viewer: Viewer) -> dict[str, str]:
    """The same as a request's header."""
    return {"Cookie": f"{COOKIE}={cookie(viewer)}"}


async def let_in(context: "BrowserContext", viewer: Viewer = OPERATOR) -> None:
    """Make it this person's browser, on the pages of every port."""
    await context.add_cookies([{"name": COOKIE, "value": cookie(viewer), "url": "http://127.0.0.1/", "httpOnly": True}])


def by_link() -> aiohttp.ClientSession:
    """A client that keeps the cookie which the one-time link gives it."""
    # By default cookies of an address without a name are dropped.
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
