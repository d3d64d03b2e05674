"""`csatwatch web` without a provider: a link on this machine, and no way in elsewhere."""

import re
from pathlib import Path

import aiohttp
import pytest

from tests.servers.ports import free_ports
from tests.servers.processes import Csatwatch, csatwatch
from tests.signed_in import by_link

_NOWHERE = "postgresql://nobody@127.0.0.1:9/none"
_LINK = re.compile(r"link='(http://127\.0\.0\.1:\d+/sign-in/link\?token=[\w-]+)'")
_HTML = {"Accept": "text/html"}


@pytest.mark.parametrize(("bind", "setting"), [("127.0.0.1", "loopback"), ("0.0.0.0", "published")])  # noqa: S104
async def test_the_log_has_a_link_for_one_browser(tmp_path: Path, bind: str, setting: str) -> None:
    (port,) = free_ports(1)
    settings = {
        "CSATWATCH_POSTGRES_DSN": _NOWHERE,
        "CSATWATCH_WEB_BIND": f"{bind}:{port}",
        "CSATWATCH_SIGN_IN_LINK": setting,
    }
    async with Csatwatch("web", settings, tmp_path) as process:
        found = _LINK.search(process.log)
        assert found is not None, process.log
        async with by_link() as first, by_link() as second:
            async with first.get(found[1], headers=_HTML) as answer:
                assert answer.status == 503, "signed in; Postgres is away"
            async with first.get(f"http://127.0.0.1:{port}/operators", headers=_HTML) as answer:
                assert answer.status == 200
                assert "A link for another browser" in await answer.text()
            async with second.get(found[1], headers=_HTML) as answer:
                assert answer.status == 401


async def test_bound_for_others_nobody_can_sign_in_and_the_log_says_so(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = {"CSATWATCH_POSTGRES_DSN": _NOWHERE, "CSATWATCH_WEB_BIND": f"0.0.0.0:{port}"}
    async with Csatwatch("web", settings, tmp_path) as process, aiohttp.ClientSession() as http:
        assert "nobody can sign in" in process.log
        assert "CSATWATCH_OIDC_ISSUER" in process.log
        assert _LINK.search(process.log) is None
        async with http.get(f"http://127.0.0.1:{port}/customers", headers=_HTML) as answer:
            assert answer.status == 403
            assert "Sign-in is not set up" in await answer.text()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"OIDC_ISSUER": "https://login.example.com"},
            "CSATWATCH_OIDC_ISSUER and CSATWATCH_OIDC_CLIENT_ID go together",
        ),
        ({"OIDC_ISSUER": "login.example.com"}, "CSATWATCH_OIDC_ISSUER is 'login.example.com': must be the provider's"),
        ({"OIDC_SCOPES": "email"}, "CSATWATCH_OIDC_SCOPES is 'email': must be scopes"),
        ({"SESSION_KEY": "too short"}, "CSATWATCH_SESSION_KEY: must be 32 characters or more"),
        ({"OIDC_MANAGERS": "a,,b"}, "CSATWATCH_OIDC_MANAGERS is 'a,,b': must be values"),
    ],
)
async def test_a_setting_that_cannot_be_is_named(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    done = await csatwatch(
        "web", settings={f"CSATWATCH_{name}": value for name, value in settings.items()}, directory=tmp_path
    )
    assert done.code == 2
    assert said in done.stderr
    assert "too short" not in done.stderr
