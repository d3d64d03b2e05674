"""Every route as every role, and what a form has to show. Without a database: a page that is let through says so."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message

from tests.acting import Published
from tests.signed_in import CSM, CSRF, KEY, MANAGER, OPERATOR, header
from web.app import build
from web.operators import Away, InForce, Situation
from web.security import HEADERS
from web.signin.gate import FORMS, SIGN_INS
from web.signin.link import OneTimeLink
from web.signin.pages import SignIn
from web.signin.rights import ACCESS, may_use
from web.signin.session import COOKIE, Cookies
from web.viewer import Viewer, form_of, viewer_of

_PEOPLE = (None, CSM, MANAGER, OPERATOR)
_EXAMPLES = {"uuid": str(UUID(int=7)), "str": "1", "int": "1", "path": "csatwatch.css"}


async def _reached(_: Request) -> Response:
    return PlainTextResponse("reached")


class _Nothing:
    """Operations of an installation where nothing runs."""

    async def look(self) -> Situation:
        return Situation((), (), (), None, {}, InForce("", "", ()))

    async def replay(
        self, letters: Sequence[str] | None, by: str, *, waiting: bool = False, customer: str | None = None
    ) -> int:
        raise Away


def _app(link: OneTimeLink | None = None, **more: bool) -> Starlette:
    """The pages with every route that they can have."""
    return build(
        "postgresql://nobody@127.0.0.1:9/none",
        interactions=_reached,
        task_hook=_reached,
        sources=_reached,
        operations=_Nothing(),
        acting=Published().acting(),
        sign_in=SignIn(Cookies(KEY, **more), link=link or OneTimeLink()),
    )


@asynccontextmanager
async def _client(
    app: Starlette, viewer: Viewer | None = None, base: str = "http://127.0.0.1"
) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = header(viewer) if viewer is not None else {}
    async with httpx2.AsyncClient(transport=transport, base_url=base, headers=headers) as client:
        yield client


async def _begin(app: Starlette, method: str, path: str, viewer: Viewer | None) -> tuple[int, Headers]:
    """Status and headers of an answer whose body may have no end."""
    begun: asyncio.Future[tuple[int, Headers]] = asyncio.get_running_loop().create_future()

    told: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not told:
            await asyncio.Event().wait()
        return told.pop()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            begun.set_result((message["status"], Headers(raw=message["headers"])))
        elif message.get("more_body"):
            await asyncio.Event().wait()

    sent = {"Host": "127.0.0.1", "Accept": "text/html", "X-CSRF-Token": CSRF} | (header(viewer) if viewer else {})
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 50000),
    }
    answering = asyncio.create_task(app(scope, receive, send))
    try:
        return await asyncio.wait_for(begun, 10)
    finally:
        answering.cancel()
        await asyncio.wait({answering})


def _routes() -> Iterator[tuple[str, str, str]]:
    """Name, method and an address of each route of the pages."""
    for route in _app().routes:
        if isinstance(route, Mount):
            yield route.name or "", "GET", f"{route.path}/csatwatch.css"
            continue
        assert isinstance(route, Route)
        path = route.path
        for name, convertor in route.param_convertors.items():
            kind = type(convertor).__name__.removesuffix("Convertor").lower().replace("string", "str")
            path = path.replace(f"{{{name}:{kind}}}", _EXAMPLES[kind]).replace(f"{{{name}}}", _EXAMPLES[kind])
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield route.name, method, path


_ROUTES = list(_routes())


def test_every_route_has_its_entry_and_every_entry_its_route() -> None:
    assert {name for name, _, _ in _ROUTES} == set(ACCESS)


@pytest.mark.parametrize("viewer", _PEOPLE, ids=lambda viewer: viewer.role.value if viewer else "nobody")
@pytest.mark.parametrize(("name", "method", "path"), _ROUTES, ids=[f"{m} {n}" for n, m, _ in _ROUTES])
async def test_every_route_as_every_role(name: str, method: str, path: str, viewer: Viewer | None) -> None:
    status, headers = await _begin(_app(), method, path, viewer)
    if may_use(name, viewer):
        assert status not in {401, 403} or name == "sign_in_link" or (name, viewer) == ("sign_in", None)
        assert not headers.get("location", "").startswith("/sign-in?")
    elif viewer is None and method == "GET":
        assert (status, headers["location"].partition("=")[0]) == (303, "/sign-in?next")
    else:
        assert status == (401 if viewer is None else 403)
    for key, value in HEADERS.items():
        assert headers[key] == value


async def test_a_route_without_an_entry_is_for_nobody() -> None:
    app = _app()
    app.router.routes += [
        Route("/forgotten", _reached, name="forgotten"),
        Mount("/deep", routes=[Route("/x", _reached)]),
    ]
    for viewer in _PEOPLE:
        async with _client(app, viewer) as client:
            for path in ("/forgotten", "/deep/x"):
                answer = await client.get(path)
                assert answer.status_code == (401 if viewer is None else 403), (viewer, path)
                assert "reached" not in answer.text


async def test_nobody_learns_which_pages_there_are() -> None:
    async with _client(_app()) as client:
        assert (await client.get("/no/such/page")).status_code == 401
        assert (await client.put("/customers")).status_code == 401
    async with _client(_app(), CSM) as client:
        assert (await client.get("/no/such/page")).status_code == 404


async def test_the_target_is_kept_on_the_way_to_the_sign_in() -> None:
    async with _client(_app()) as client:
        answer = await client.get("/customers?q=a%26b&after=x", headers={"Accept": "text/html,*/*"})
        assert answer.headers["location"] == "/sign-in?next=%2Fcustomers%3Fq%3Da%2526b%26after%3Dx"
    async with _client(_app(), CSM) as client:
        answer = await client.get("/sign-in", params={"next": "/customers?q=a%26b"})
        assert answer.headers["location"] == "/customers?q=a%26b"
        answer = await client.get("/sign-in", params={"next": "//evil.example"})
        assert answer.headers["location"] == "/"


async def test_a_fragment_loads_its_page_anew() -> None:
    async with _client(_app()) as client:
        answer = await client.get("/customers", headers={"HX-Request": "true", "Accept": "text/html"})
        assert (answer.status_code, answer.headers["HX-Refresh"]) == (401, "true")


@pytest.mark.parametrize(
    "cookie",
    ["", "null", "eyJyb2xlIjogIm9wZXJhdG9yIn0=", header(OPERATOR)["Cookie"].partition("=")[2][:-2] + "xx"],
)
async def test_a_cookie_that_is_not_ours_is_nobodys(cookie: str) -> None:
    async with _client(_app()) as client:
        assert (await client.get("/", headers={"Cookie": f"{COOKIE}={cookie}"})).status_code == 401


class TestLink:
    async def test_the_first_browser_that_opens_it_is_in(self) -> None:
        app = _app(link := OneTimeLink())
        path = link.path
        assert path is not None
        async with _client(app) as client:
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            said = answer.headers["set-cookie"].lower()
            assert "httponly" in said
            assert "samesite=lax" in said
            assert "max-age=43200" in said
            assert (await client.get("/customers")).status_code == 503
            # Opened again, as from the history.
            assert (await client.get(path)).status_code == 303
        async with _client(app) as other:
            answer = await other.get(path)
            assert answer.status_code == 401
            assert "another browser" in answer.text
            assert COOKIE not in other.cookies

    async def test_over_https_the_cookie_goes_over_https_alone(self) -> None:
        app = _app(link := OneTimeLink(), secure=True)
        async with _client(app) as client:
            answer = await client.get(link.path or "")
            assert "; secure" in answer.headers["set-cookie"]
            assert answer.headers["set-cookie"].startswith("__Host-csatwatch=")
            assert "domain=" not in answer.headers["set-cookie"].lower()

    async def test_an_operator_gets_another(self) -> None:
        app = _app(link := OneTimeLink())
        async with _client(app, OPERATOR) as client:
            page = (await client.post("/sign-in/another", data={"csrf": CSRF})).text
            assert link.path is not None
            assert f"http://127.0.0.1{link.path}" in page
        async with _client(app) as other:
            assert (await other.get(link.path or "")).status_code == 303

    async def test_signed_out_is_out(self) -> None:
        async with _client(_app(), CSM) as client:
            answer = await client.post("/sign-out", data={"csrf": CSRF})
            assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out")
            assert "expires=thu, 01 jan 1970" in answer.headers["set-cookie"].lower()
            # The very cookie that was there before.
            assert (await client.get("/customers")).status_code == 401


class TestForms:
    @staticmethod
    def _echo() -> Starlette:
        """The pages with the way out replaced by a route that says what it got."""

        async def echo(request: Request) -> Response:
            body = (await request.body()).decode()
            return PlainTextResponse(f"{viewer_of(request).email} {form_of(request)['note']} {body}")

        app = _app()
        app.router.routes.insert(0, Route("/echo", echo, methods=["POST"], name="sign_out"))
        return app

    async def test_a_form_of_ours_reaches_its_route_whole(self) -> None:
        async with _client(self._echo(), CSM) as client:
            answer = await client.post("/echo", data={"csrf": CSRF, "note": "ü&ü"})
            assert answer.text == f"{CSM.email} ü&ü csrf=a+token+of+the+tests&note=%C3%BC%26%C3%BC"
            answer = await client.post("/echo", data={"note": "by script"}, headers={"X-CSRF-Token": CSRF})
            assert answer.text.startswith(f"{CSM.email} by script ")

    @pytest.mark.parametrize("token", [None, "", "wrong", CSRF[:-1], "ü"])
    async def test_without_the_token_nothing_is_done(self, token: str | None) -> None:
        async with _client(self._echo(), CSM) as client:
            answer = await client.post("/echo", data={"note": "x"} | ({} if token is None else {"csrf": token}))
            assert answer.status_code == 403
            assert "load it again" in answer.text

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
            {"Origin": "https://evil.example"},
            {"Origin": "http://127.0.0.1:81"},
        ],
    )
    async def test_another_sites_page_does_nothing_even_with_the_token(self, headers: dict[str, str]) -> None:
        async with _client(self._echo(), CSM) as client:
            answer = await client.post("/echo", data={"csrf": CSRF, "note": "x"}, headers=headers)
            assert answer.status_code == 403
            assert "another site" in answer.text.lower()

    @pytest.mark.parametrize(
        "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1"}]
    )
    async def test_our_own_page_does(self, headers: dict[str, str]) -> None:
        async with _client(self._echo(), CSM) as client:
            answer = await client.post("/echo", data={"csrf": CSRF, "note": "x"}, headers=headers)
            assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b'{"csrf": "x"}', "application/json", 415),
            (b"csrf=%ff\xff", "application/x-www-form-urlencoded", 400),
            (b"a=1&" * 300, "application/x-www-form-urlencoded", 400),
            (b"a" * 300_000, "application/x-www-form-urlencoded", 413),
        ],
    )
    async def test_what_is_no_form_of_ours_is_refused(self, body: bytes, kind: str, status: int) -> None:
        async with _client(self._echo(), CSM) as client:
            headers = {"Content-Type": kind, "X-CSRF-Token": CSRF}
            assert (await client.post("/echo", content=body, headers=headers)).status_code == status


async def test_too_many_forms_of_one_person_wait_and_no_one_elses() -> None:
    app = _app()
    async with _client(app, CSM) as client, _client(app, MANAGER) as other:
        for _ in range(FORMS[0]):
            assert (await client.post("/sign-in/another")).status_code == 403
        # A form that is not the person's to send costs nothing.
        answers = [await client.post("/sign-out", data={"csrf": "wrong"}) for _ in range(FORMS[0] + 1)]
        assert [answer.status_code for answer in answers] == [403] * FORMS[0] + [429]
        assert answers[-1].headers["Retry-After"] == "1"
        assert (await other.post("/sign-out", data={"csrf": "wrong"})).status_code == 403


async def test_too_many_sign_ins_from_one_address_wait() -> None:
    async with _client(_app()) as client:
        for _ in range(SIGN_INS[0]):
            assert (await client.get("/sign-in/link", params={"token": "guess"})).status_code == 401
        answer = await client.get("/sign-in/link", params={"token": "guess"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        # What shows the answer is not counted.
        assert (await client.get("/static/csatwatch.css")).status_code == 200


async def test_without_a_way_in_the_sign_in_says_so() -> None:
    async with _client(build("postgresql://nobody@127.0.0.1:9/none")) as client:
        answer = await client.get("/sign-in")
        assert answer.status_code == 403
        assert "CSATWATCH_OIDC_ISSUER" in answer.text
