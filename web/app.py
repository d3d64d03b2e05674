"""The pages as one ASGI application."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from web import errors
from web.alerts import AlertPages
from web.cards import Message
from web.customers import CustomerPages
from web.database import Database
from web.deliveries import DeliveryPages
from web.live import Live
from web.preview import slack_message
from web.security import SecurityHeaders, allowed_hosts
from web.signin.gate import Gate
from web.signin.pages import SignIn, SignInPages
from web.signin.session import COOKIE, Cookies, Sessions
from web.slack.http import PATH as INTERACTIONS
from web.task_hook import PATH as TASK_HOOK
from web.tasks import TaskPages
from web.templates import Templates

Endpoint = Callable[[Request], Awaitable[Response]]
"""Answers a request."""


class _Pages(Starlette):
    def build_middleware_stack(self) -> ASGIApp:
        # Outermost, so that Starlette's own answers to errors carry them as well.
        return SecurityHeaders(super().build_middleware_stack())


def build(
    dsn: str,
    *,
    hosts: Collection[str] = (),
    banner: str | None = None,
    message: Message = slack_message,
    interactions: Endpoint | None = None,
    task_hook: Endpoint | None = None,
    sign_in: SignIn | None = None,
) -> Starlette:
    """The application. It starts without Postgres, and says so on its pages until Postgres is there.

    Whoever serves it calls `app.state.live.close()` when it is to stop, or waits for every browser to leave.

    Args:
        dsn: Postgres; only read.
        hosts: names, beside this machine's own, under which people reach the pages; others are refused.
        banner: a sentence above every page.
        message: the blocks of an alert's Slack message.
        interactions: the endpoint for Slack's interactions; None: there is none.
        task_hook: the endpoint for tasks that were closed elsewhere; None: there is none.
        sign_in: how people come in; None: nobody does.
    """
    sign_in = sign_in or SignIn(Cookies(secrets.token_urlsafe(32)))
    database = Database(dsn)
    sessions = Sessions(sign_in.cookies.hours, time.monotonic)
    templates = Templates(banner)
    alerts = AlertPages(database, templates, message)
    live = Live(database, alerts.render_cards)
    alerts.follow(live)
    customers = CustomerPages(database, templates, alerts)
    tasks = TaskPages(database, templates)
    deliveries = DeliveryPages(database, templates)
    entrance = SignInPages(sign_in, sessions, templates)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await database.open()
        following = asyncio.create_task(live.run(), name="live updates")
        try:
            yield
        finally:
            live.close()
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            await database.close()

    app = _Pages(
        routes=[
            *entrance.routes(),
            Route("/", alerts.newest, name="alerts"),
            Route("/live", alerts.live, name="live"),
            Route("/customers", customers.all, name="customers"),
            Route("/tasks", tasks.all, name="tasks"),
            Route("/deliveries", deliveries.all, name="deliveries"),
            Route("/customers/{customer_id:uuid}", customers.one, name="customer"),
            *([Route(INTERACTIONS, interactions, methods=["POST"], name="interactions")] if interactions else []),
            *([Route(TASK_HOOK, task_hook, methods=["POST"], name="task_hook")] if task_hook else []),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static"),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(hosts), www_redirect=False),
            Middleware(
                SessionMiddleware,
                secret_key=sign_in.cookies.key,
                session_cookie=COOKIE,
                max_age=int(sign_in.cookies.hours * 3600),
                https_only=sign_in.cookies.secure,
            ),
            Middleware(Gate, sessions=sessions, templates=templates),
        ],
        exception_handlers=errors.handlers(templates),
        lifespan=lifespan,
    )
    app.state.live = live
    return app
