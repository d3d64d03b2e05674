"""What people see when there is nothing to see."""

from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.database import Unavailable
from web.live import TooManyClients
from web.templates import Templates

Handler = Callable[[Request, Exception], Awaitable[Response]]

_RETRY_SECONDS = 5

_log = structlog.get_logger()


def handlers(templates: Templates) -> Mapping[type[Exception], Handler]:
    """The page for each kind of error."""

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        if status == 404:  # noqa: PLR2004 - HTTP's own number
            title, text = "There is no such page", "The address is wrong, or what it named is gone."
        else:
            title, text = "That cannot be done", "The request is not one that this page understands."
        return templates.page(request, "error.html", status=status, title=title, text=text, retry=False)

    async def unavailable(request: Request, error: Exception) -> Response:
        _log.warning("page not available", reason=str(error))
        return templates.page(
            request,
            "error.html",
            status=503,
            headers={"Retry-After": str(_RETRY_SECONDS)},
            title="The alerts cannot be shown right now",
            text=f"{error} Nothing is lost: ratings are kept in Kafka, and alerts go on as soon as it is back.",
            retry=True,
        )

    async def too_many(_: Request, __: Exception) -> Response:
        return Response("too many browsers follow along", 503, {"Retry-After": str(_RETRY_SECONDS)})

    async def broken(request: Request, _: Exception) -> Response:
        text = "This is a mistake in csatwatch, not in what you did. Its log says more."
        return templates.page(request, "error.html", status=500, title="Something went wrong", text=text, retry=True)

    return {HTTPException: refused, Unavailable: unavailable, TooManyClients: too_many, Exception: broken}
