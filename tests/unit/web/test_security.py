import httpx2
import pytest

from web.app import build
from web.security import HEADERS, allowed_hosts


def test_only_this_machines_own_names_are_answered_by_default() -> None:
    assert allowed_hosts(()) == ["127.0.0.1", "[::1]", "localhost"]


def test_the_name_that_people_use_is_answered_too() -> None:
    assert "csat.example.com" in allowed_hosts(["CSAT.example.com"])
    assert "[fd00::1]" in allowed_hosts(["fd00::1", "[fd00::1]"])


def test_every_interface_is_nobodys_name() -> None:
    assert allowed_hosts(["0.0.0.0", "::", "[::]", "*", ""]) == allowed_hosts(())  # noqa: S104 - refused


def test_nothing_is_loaded_from_elsewhere_and_nothing_inline() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/static/csatwatch.css", "/static/../x"])
@pytest.mark.parametrize(("https", "said"), [(True, "max-age=31536000"), (False, None)])
async def test_where_people_come_by_https_their_browsers_come_by_nothing_else(
    path: str, said: str | None, *, https: bool
) -> None:
    app = build("postgresql://nobody@127.0.0.1:9/none", https=https)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client:
        answer = await client.get(path)
        assert answer.headers.get("Strict-Transport-Security") == said
        assert (
            HEADERS.items()
            <= dict(answer.headers.items() | {(k.title(), v) for k, v in answer.headers.items()}).items()
        )
        refused = await client.get(path, headers={"Host": "evil.example"})
        assert refused.headers.get("Strict-Transport-Security") == said
