"""Any other task system, by a signed webhook: one POST a change of a task.

The message's id is the same each time that a change is sent, in `webhook-id` and `Idempotency-Key`: a receiver that
keeps it sees a change once. The task's own id is in the body; a receiver that opens tasks by it has each once.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from schemas import signature, template
from schemas.alert import Alert
from sinks.base import Permanent
from sinks.tasks.card import Card, State
from sinks.tasks.http import Http, encode
from sinks.tasks.system import Closed, Filed

_KINDS = {State.DONE: "task.done", State.CANCELLED: "task.cancelled"}
_LONGEST_ID = 200  # characters
FIELDS = frozenset(
    f"task.{name}"
    for name in (
        "type",
        "id",
        "state",
        "title",
        "priority",
        "due_at",
        "owner_name",
        "owner_email",
        "facts",
        "quote",
        "why",
        "ticket_url",
    )
)
"""What a template of the body may use beside the alert's fields."""


class BadBody(ValueError):
    """A template of a body that cannot be used; the text names the place and the fix."""


class Webhook:
    """A receiver.

    Args:
        session: whose connections are used.
        url: where it listens.
        secret: the key of the signatures, see `schemas.signature.key`.
        body: a template, as `read_body` gives it; None: the body as docs/operations.md describes it.
        timeout: seconds a call.
        clock: the time now.
    """

    name = "webhook"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        secret: bytes,
        body: object = None,
        timeout: float = 10.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = Http(session, self.name, headers={}, timeout=timeout)
        self._url = url
        self._secret = secret
        self._body = body
        self._clock = clock

    async def put(self, card: Card, known: str | None, *, uncertain: bool) -> Filed | None:
        """See `sinks.tasks.system.TaskSystem`. What is uncertain is sent again: the receiver knows it by its id."""
        if known is None and not uncertain and card.state is not State.OPEN:
            return None
        now = self._clock()
        kind = _KINDS.get(card.state) or ("task.changed" if known is not None else "task.opened")
        body = encode(_default(card, kind, now) if self._body is None else self._filled(card, kind))
        message_id = f"{card.task_id}.{card.alert.revision}.{card.state}"
        headers = signature.headers(self._secret, message_id, now, body) | {"Idempotency-Key": message_id}
        answer = await self._http.call("POST", self._url, body=body, headers=headers)
        said = answer.data if isinstance(answer.data, dict) else {}
        found, url = said.get("id"), said.get("url")
        return Filed(
            known or (str(found)[:_LONGEST_ID] if isinstance(found, str | int) and found != "" else card.task_id),
            url if isinstance(url, str) and url.startswith(("https://", "http://")) else None,
        )

    async def closed(self, since: datetime) -> Sequence[Closed]:
        """Nothing: the system says by itself what was closed, see docs/operations.md."""
        del since
        return ()

    def _filled(self, card: Card, kind: str) -> object:
        extra = {f"task.{name}": value for name, value in _data(card).items()} | {
            "task.type": kind,
            "task.facts": "\n".join(card.facts),
        }
        try:
            return _render(self._body, card.alert, {name: value for name, value in extra.items() if name in FIELDS})
        except template.BadTemplate as bad:
            raise Permanent(f"the template of the body: {bad}") from None


def read_body(path: Path) -> object:
    """The template in a JSON or YAML file: its texts are templates over the alert and `FIELDS`. Raises `BadBody`."""
    try:
        tree: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError):
        raise BadBody(f"{path}: must be a readable file of JSON") from None
    for place, text in _texts(tree, ""):
        try:
            template.check(text, FIELDS)
        except template.BadTemplate as bad:
            raise BadBody(f"{path}: {place or 'the file'}: {bad}") from None
    if not isinstance(tree, dict | list):
        raise BadBody(f"{path}: must hold a JSON object, whose texts are templates")
    return tree


def _texts(tree: object, place: str) -> list[tuple[str, str]]:
    match tree:
        case str():
            return [(place, tree)]
        case dict():
            return [each for key, value in tree.items() for each in _texts(value, f"{place}.{key}".lstrip("."))]
        case list():
            return [each for number, value in enumerate(tree) for each in _texts(value, f"{place}.{number}")]
        case _:
            return []


def _render(tree: object, alert: Alert, extra: Mapping[str, object]) -> object:
    match tree:
        case str():
            return template.render(tree, alert, extra)
        case dict():
            return {str(key): _render(value, alert, extra) for key, value in tree.items()}
        case list():
            return [_render(value, alert, extra) for value in tree]
        case _:
            return tree


def _data(card: Card) -> dict[str, Any]:
    return {
        "id": card.task_id,
        "state": str(card.state),
        "title": card.title,
        "priority": card.priority,
        "due_at": card.due_at.isoformat(),
        "owner_name": card.owner_name,
        "owner_email": card.owner_email,
        "facts": list(card.facts),
        "quote": card.quote,
        "why": card.why,
        "ticket_url": card.ticket_url,
    }


def _default(card: Card, kind: str, now: datetime) -> dict[str, Any]:
    customer = {
        "customer_id": card.alert.customer_id,
        "customer_name": card.customer_name,
        "alert_id": str(card.alert.alert_id),
    }
    data = {name: value for name, value in (_data(card) | customer).items() if value not in (None, "")}
    return {"type": kind, "timestamp": now.isoformat(), "data": data | {"revision": card.alert.revision}}
