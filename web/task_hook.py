"""`POST /tasks/closed`: a task system says that somebody closed a task, signed as Standard Webhooks has it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from schemas import signature
from schemas.action import Action
from schemas.record import Identifier, ShortText
from schemas.task import closed_there
from web.database import Database, Unavailable

PATH = "/tasks/closed"

_DONE = "task.done"
_LARGEST = 1 << 16  # bytes
_AGAIN = {"Retry-After": "10"}

_log = structlog.get_logger(__name__)

Publish = Callable[[Action], Awaitable[None]]
"""Says on `csm-actions` what somebody did; returns when the broker has it, raises where it has not."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: Identifier
    by: ShortText | None = None


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str = Field(max_length=100)
    data: _Data


class TaskHook:
    """The endpoint.

    Args:
        database: where the tasks are read.
        secret: the key of the signatures.
        publish: takes the follow-ups.
        now: the time.
    """

    def __init__(self, database: Database, secret: bytes, publish: Publish, now: Callable[[], datetime]) -> None:
        self._database = database
        self._secret = secret
        self._publish = publish
        self._now = now

    async def receive(self, request: Request) -> Response:
        """204 where that is known or changes nothing; 401 without a signature that holds; 503: send it again later."""
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LARGEST:
                    return PlainTextResponse("too large", 413)
        except ClientDisconnect:
            return PlainTextResponse("gone", 400)
        try:
            signature.verify(self._secret, request.headers, body, self._now())
        except signature.BadSignature as bad:
            return PlainTextResponse(f"not signed: {bad}", 401)
        try:
            message = _Message.model_validate_json(body)
        except ValidationError as error:
            fields = sorted({".".join(map(str, each["loc"])) or "the body" for each in error.errors()})
            return PlainTextResponse(f"cannot be read: {', '.join(fields)}: see docs/how-to-tasks.md", 400)
        if message.type != _DONE:
            return Response(status_code=204)
        return await self._closed(message.data)

    async def _closed(self, data: _Data) -> Response:
        try:
            rows = await self._database.rows("task_open", _uuid(data.id), data.id)
        except Unavailable:
            return PlainTextResponse("the database is away", 503, _AGAIN)
        for row in rows:
            action = closed_there(
                "webhook",
                str(row["task_id"]),
                alert_id=row["alert_id"],
                customer_id=row["customer_id"],
                at=self._now(),
                by=data.by,
            )
            try:
                await self._publish(action)
            except Exception as error:  # noqa: BLE001 (whatever keeps it from Kafka, the sender is to come again)
                _log.warning("a follow-up is not published", error=type(error).__name__)
                return PlainTextResponse("Kafka is away", 503, _AGAIN)
            _log.info("task closed elsewhere", system="webhook", alert_id=str(row["alert_id"]))
        return Response(status_code=204)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
