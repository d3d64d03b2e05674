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
from web.accounts import AccountPages
from web.alert_page import AlertPage
from web.alerts import AlertPages
from web.cards import Message
from web.customers import CustomerPages
from web.database import Database
from web.deliveries import DeliveryPages
from web.doing import Acting, Doings
from web.live import Live
from web.lives import Lives
from web.operators import Operations, OperatorPages
from web.outcomes import OutcomesPage
from web.preview import slack_message
from web.report import Reports
from web.security import SecurityHeaders, allowed_hosts
from web.signin.forms import origin
from web.signin.gate import Gate
from web.signin.pages import SignIn, SignInPages
from web.signin.session import Cookies, Sessions
from web.slack.http import PATH as INTERACTIONS
from web.source_hook import PATH as SOURCE
from web.support import SupportPage
from web.task_hook import PATH as TASK_HOOK
from web.tasks import TaskPages
from web.templates import Templates

Endpoint = Callable[[Request], Awaitable[Response]]
"""Answers a request."""


class _Pages(Starlette):
    https = False

    def build_middleware_stack(self) -> ASGIApp:
        # Outermost, so that Starlette's own answers to errors carry them as well.
        return SecurityHeaders(super().build_middleware_stack(), https=self.https)


def build(
    dsn: str,
    *,
    hosts: Collection[str] = (),
    banner: str | None = None,
    message: Message = slack_message,
    interactions: Endpoint | None = None,
    task_hook: Endpoint | None = None,
    sources: Endpoint | None = None,
    sign_in: SignIn | None = None,
    acting: Acting | None = None,
    assignees: bool = False,
    operations: Operations | None = None,
    https: bool = False,
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
        sources: the endpoint for survey tools' answers; None: there is none.
        sign_in: how people come in; None: nobody does.
        acting: what acting on alerts needs; None: they are only looked at.
        assignees: whether the page of support names who had the tickets.
        operations: what the operators' page shows; None: there is none.
        https: whether people come by https, be it to a proxy in front.
    """
    sign_in = sign_in or SignIn(Cookies(secrets.token_urlsafe(32)))
    database = Database(dsn)
    sessions = Sessions(sign_in.cookies.hours, time.monotonic, database)
    templates = Templates(banner)
    alerts = AlertPages(database, templates, message)
    live = Live(database, alerts.render_changes)
    alerts.follow(live)
    lives = Lives(database)
    accounts = AccountPages(database, templates, alerts)
    customers = CustomerPages(database, templates, alerts, lives, acts=acting is not None)
    alert = AlertPage(templates, alerts, lives, acts=acting is not None)
    doings = Doings(database, templates, alerts, acting) if acting is not None else None
    reports = Reports(database, templates, customers)
    support = SupportPage(database, templates, alerts, assignees=assignees)
    outcomes = OutcomesPage(database, templates)
    tasks = TaskPages(database, templates, alerts)
    publish = acting.publish if acting is not None else None
    deliveries = DeliveryPages(database, templates, alerts, publish)
    entrance = SignInPages(sign_in, sessions, templates, publish)
    has_link = sign_in.link is not None
    operators = OperatorPages(database, templates, operations, publish, links=has_link) if operations else None

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
            Route("/alerts.csv", alerts.file, name="alerts_file"),
            Route("/alerts/{alert_id:uuid}", alert.one, name="alert"),
            *(_steps(doings) if doings else ()),
            Route("/customers", accounts.all, name="customers"),
            Route("/customers.csv", accounts.file, name="customers_file"),
            Route("/customers/{customer_id:uuid}", customers.one, name="customer"),
            Route("/customers/{customer_id:uuid}/ratings.csv", customers.file, name="ratings_file"),
            Route("/customers/{customer_id:uuid}/months.csv", customers.months_file, name="customer_months_file"),
            Route(
                "/customers/{customer_id:uuid}/categories.csv",
                customers.categories_file,
                name="customer_categories_file",
            ),
            Route("/customers/{customer_id:uuid}/report/{month}", reports.one, name="report"),
            Route("/tasks", tasks.all, name="tasks"),
            Route("/tasks.csv", tasks.file, name="tasks_file"),
            Route("/deliveries", deliveries.all, name="deliveries"),
            Route("/deliveries.csv", deliveries.file, name="deliveries_file"),
            Route("/deliveries/retry", deliveries.retry, methods=["POST"], name="retry"),
            *(_operations(operators) if operators else ()),
            Route("/outcomes", outcomes.all, name="outcomes"),
            Route("/outcomes.csv", outcomes.file, name="outcomes_file"),
            Route("/support", support.all, name="support"),
            Route("/support/months.csv", support.by_month, name="support_months_file"),
            Route("/support/assignees.csv", support.by_assignee, name="assignees_file"),
            Route("/support/categories.csv", support.categories, name="categories_file"),
            Route("/support/unanswered.csv", support.waiting, name="unanswered_file"),
            *([Route(INTERACTIONS, interactions, methods=["POST"], name="interactions")] if interactions else []),
            *([Route(TASK_HOOK, task_hook, methods=["POST"], name="task_hook")] if task_hook else []),
            *([Route(SOURCE, sources, methods=["POST", "HEAD"], name="source")] if sources else []),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static"),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(hosts), www_redirect=False),
            Middleware(
                SessionMiddleware,
                secret_key=sign_in.cookies.key,
                session_cookie=sign_in.cookies.name,
                max_age=int(sign_in.cookies.hours * 3600),
                https_only=sign_in.cookies.secure,
            ),
            Middleware(Gate, sessions=sessions, templates=templates, origin=origin(sign_in.public_url)),
        ],
        exception_handlers=errors.handlers(templates),
        lifespan=lifespan,
    )
    app.https = https
    app.state.live = live
    return app


def _operations(operators: OperatorPages) -> tuple[Route, ...]:
    return (
        Route("/operators", operators.all, name="operators"),
        Route("/operators/{table}.csv", operators.file, name="operators_file"),
        Route("/operators/replay", operators.replay, methods=["POST"], name="replay"),
    )


def _steps(doings: Doings) -> tuple[Route, Route]:
    path = "/alerts/{alert_id:uuid}/{step}"
    return Route(path, doings.ask, methods=["GET"], name="step"), Route(
        path, doings.do, methods=["POST"], name="do_step"
    )
