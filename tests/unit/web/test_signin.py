"""Who may what, who somebody is, and where they go."""

import pytest
from starlette.requests import Request

from tests.signed_in import CSM, MANAGER, OPERATOR
from web.database import Database
from web.signin.limit import Limit
from web.signin.link import OneTimeLink
from web.signin.people import NotLetIn, Roles, viewer
from web.signin.rights import ACCESS, Open, may_use
from web.signin.session import Sessions
from web.signin.target import safe
from web.viewer import Role

_ROLES = Roles(claim="groups", managers=frozenset({"support leads", "lea@example.com"}), operators=frozenset({"sre"}))
_ANA = {"email": "Ana@Example.com", "email_verified": True, "name": "Ana Alvarez"}


class TestRights:
    def test_what_is_not_in_the_table_is_for_nobody(self) -> None:
        for person in (None, CSM, MANAGER, OPERATOR):
            assert not may_use("no such route", person)
            assert not may_use("", person)
            assert not may_use(None, person)

    def test_a_role_may_what_a_lesser_one_may(self) -> None:
        for name, needed in ACCESS.items():
            answers = [may_use(name, person) for person in (None, CSM, MANAGER, OPERATOR)]
            assert answers == sorted(answers), name
            assert answers[0] is isinstance(needed, Open), name


class TestPeople:
    @pytest.mark.parametrize(
        ("claims", "role"),
        [
            ({}, Role.CSM),
            ({"groups": ["everybody"]}, Role.CSM),
            ({"groups": ["everybody", "Support Leads"]}, Role.MANAGER),
            ({"groups": "support leads"}, Role.MANAGER),
            ({"groups": ["support leads", "sre"]}, Role.OPERATOR),
            ({"email": "LEA@example.com"}, Role.MANAGER),
            ({"groups": ["lea@example.com"]}, Role.CSM),
            ({"roles": ["sre"]}, Role.CSM),
            ({"groups": [{"sre": 1}, 7, None]}, Role.CSM),
        ],
    )
    def test_the_role_follows_from_the_claim_or_the_address(self, claims: dict[str, object], role: Role) -> None:
        assert viewer(_ANA | claims, _ROLES).role is role

    def test_the_address_is_compared_in_lower_case(self) -> None:
        ana = viewer(_ANA, _ROLES)
        assert (ana.email, ana.name, ana.only) == ("ana@example.com", "Ana Alvarez", "ana@example.com")

    @pytest.mark.parametrize("verified", [False, None, "false", "yes", 1, 0, [True]])
    def test_an_address_that_is_not_verified_lets_nobody_in(self, verified: object) -> None:
        with pytest.raises(NotLetIn, match="verified"):
            viewer(_ANA | {"email_verified": verified}, _ROLES)

    @pytest.mark.parametrize("email", [None, "", "ana", 7, ["ana@example.com"], "ana@example.com\nbcc: all"])
    def test_without_an_address_nobody_is_let_in(self, email: object) -> None:
        with pytest.raises(NotLetIn, match="e-mail address"):
            viewer(_ANA | {"email": email}, _ROLES)

    def test_another_claim_may_say_that_it_is_verified(self) -> None:
        claims = {"email": "ana@example.com", "xms_edov": True}
        assert viewer(claims, Roles(verified="xms_edov")).email == "ana@example.com"


@pytest.mark.parametrize("target", ["/", "/customers?q=a%20b", "/customers/1#x", "/alerts?next=https://evil.example"])
def test_a_target_of_ours_is_kept(target: str) -> None:
    assert safe(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "customers",
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/\t/evil.example/",
        "/\n/evil.example/",
        " //evil.example",
        "javascript:alert(1)",
        "//[::1",
        "/" + "a" * 2000,
    ],
)
def test_any_other_target_is_the_first_page(target: str | None) -> None:
    assert safe(target) == "/"


def _request(host: str = "localhost:8080", client: str = "127.0.0.1", session: dict[str, str] | None = None) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [(b"host", host.encode())],
            "client": (client, 50000),
            "session": {} if session is None else session,
        }
    )


class TestOneTimeLink:
    def test_it_is_good_once(self) -> None:
        link = OneTimeLink("first" * 8)
        assert str(link.path) == "/sign-in/link?token=" + "first" * 8
        assert link.spend(_request(), "second" * 8) is None
        person = link.spend(_request(), "first" * 8)
        assert person is not None
        assert person.role is Role.OPERATOR
        assert link.path is None
        assert link.spend(_request(), "first" * 8) is None

    def test_a_new_one_makes_the_old_one_worthless(self) -> None:
        link = OneTimeLink("first" * 8)
        token = link.again().partition("=")[2]
        assert link.spend(_request(), "first" * 8) is None
        assert link.spend(_request(), token) is not None

    @pytest.mark.parametrize(
        ("host", "client"),
        [("localhost", "192.0.2.7"), ("csatwatch.example", "127.0.0.1"), ("127.0.0.1.evil.example", "127.0.0.1")],
    )
    def test_it_is_good_on_this_machine_alone(self, host: str, client: str) -> None:
        link = OneTimeLink("first" * 8)
        assert link.spend(_request(host, client), "first" * 8) is None
        assert link.spend(_request("[::1]:8080", "::1"), "first" * 8) is not None

    def test_from_a_container_the_name_has_to_do(self) -> None:
        link = OneTimeLink("first" * 8, published=True)
        assert link.spend(_request("csatwatch.example", "172.18.0.1"), "first" * 8) is None
        assert link.spend(_request("127.0.0.1:8080", "172.18.0.1"), "first" * 8) is not None


NOWHERE = Database("postgresql://nobody@127.0.0.1:9/none")


class TestSessions:
    async def test_a_session_says_who_it_is_until_it_ends(self) -> None:
        sessions = Sessions(1, lambda: 0.0, NOWHERE)
        request = _request(session={"left": "over"})
        sessions.begin(request, CSM)
        assert "left" not in request.session
        known = await sessions.read(request)
        assert known is not None
        assert known[0] == CSM
        copy = dict(request.session)
        sessions.end(request)
        assert await sessions.read(request) is None
        assert await sessions.read(_request(session=copy)) is None, "a copy of the cookie is good no longer"

    async def test_an_end_is_remembered_as_long_as_the_cookie_lives(self) -> None:
        now = 0.0
        sessions = Sessions(1, lambda: now, NOWHERE)
        first, second = _request(), _request()
        for request in (first, second):
            sessions.begin(request, CSM)
        sessions.end(first)
        now = 3601.0
        sessions.end(second)
        assert len(sessions._ended) == 1

    @pytest.mark.parametrize("wrong", [{}, {"role": "king"}, {"email": None}])
    async def test_half_a_session_is_none(self, wrong: dict[str, str]) -> None:
        sessions = Sessions(1, lambda: 0.0, NOWHERE)
        request = _request()
        if wrong:
            sessions.begin(request, CSM)
            request.session.update(wrong)
            if wrong.get("email", "") is None:
                del request.session["email"]
        assert await sessions.read(request) is None


async def test_a_limit_counts_each_one_apart() -> None:
    limit = Limit(2, 3600)
    assert [await limit.spend("ana") for _ in range(3)] == [None, None, 1800]
    assert await limit.spend("ben") is None
