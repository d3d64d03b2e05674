"""What a Slack workspace holds, and what each method of its Web API does there. No HTTP here.

Methods: https://docs.slack.dev/reference/methods.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tests.servers import slack_limits

BOT_USER = "U0CSATWATCH"
BOT = "B0CSATWATCH"
TEAM = "T0TEST"
TIME_ZONE = "Europe/Berlin"
"""Where everybody lives."""

_VIEW_TITLE = 24  # characters
_PRIVATE_METADATA = 3000  # characters

Arguments = Mapping[str, Any]
Answer = dict[str, Any]


class RefusedError(Exception):
    """Slack's `{"ok": false}`: the error code, and what it says beside it."""

    def __init__(self, error: str, messages: list[str] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages or []


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it stands now; `ts` is its id within the channel."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    edits: int = 0
    ephemeral_to: str | None = None

    def as_slack(self, *, metadata: bool) -> Answer:
        """The message as conversations.history gives it, its metadata only where asked for."""
        shown: Answer = {
            "type": "message",
            "user": BOT_USER,
            "bot_id": BOT,
            "ts": self.ts,
            "text": self.text,
            "blocks": self.blocks,
        }
        if self.thread_ts:
            shown["thread_ts"] = self.thread_ts
        if self.edits:
            shown["edited"] = {"user": BOT_USER, "ts": self.ts}
        if metadata and self.metadata:
            shown["metadata"] = self.metadata
        return shown


@dataclass(frozen=True, slots=True)
class View:
    """One modal; `hash` changes with each update."""

    id: str
    view: dict[str, Any]
    updates: int = 0

    @property
    def hash(self) -> str:
        """What views.update compares."""
        return f"{self.updates}.{self.id}"

    def as_slack(self) -> Answer:
        """The modal as Slack answers with it."""
        return {**self.view, "id": self.id, "hash": self.hash, "team_id": TEAM, "bot_id": BOT}


class Workspace:
    """Users, channels, messages and modals.

    `users` is user id by e-mail, `channels` name by channel id. `clock` makes the ids of messages. `doubled` is the
    metadata of each message that came while another one with its alert and step was standing.
    """

    def __init__(self, users: Mapping[str, str], channels: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        self._users = dict(users)
        self._channels = dict(channels)
        self._clock = clock
        self._directs: dict[str, str] = {}  # user id → channel id
        self._numbers = itertools.count(1)
        self._last_ts = 0  # microseconds
        self._triggers: set[str] = set()
        self.messages: dict[tuple[str, str], Message] = {}
        self.views: dict[str, View] = {}
        self.doubled: list[dict[str, Any]] = []
        self._methods: dict[str, Callable[[Arguments], Answer]] = {
            "auth.test": self._auth_test,
            "users.lookupByEmail": self._lookup,
            "users.info": self._info,
            "chat.getPermalink": self._permalink,
            "conversations.open": self._open,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "views.open": self._open_view,
            "views.update": self._update_view,
        }

    def call(self, method: str, arguments: Arguments) -> Answer:
        """What Slack answers beside `"ok": true`. Raises RefusedError."""
        if method not in self._methods:
            raise RefusedError("unknown_method")
        return self._methods[method](arguments)

    def channel(self, name: str) -> str:
        """The channel's id, from its id, its name with or without #, or a user id (the direct messages)."""
        if name in self._channels or name in self._directs.values():
            return name
        if name in self._users.values():
            return self._directs.setdefault(name, f"D{next(self._numbers):06}")
        for known, called in self._channels.items():
            if name.removeprefix("#") == called:
                return known
        raise RefusedError("channel_not_found")

    def _auth_test(self, _: Arguments) -> Answer:
        return {
            "url": "https://test.slack.com/",
            "team": "Test",
            "user": "csatwatch",
            "team_id": TEAM,
            "user_id": BOT_USER,
            "bot_id": BOT,
        }

    def _lookup(self, arguments: Arguments) -> Answer:
        email = _required(arguments, "email")
        if email not in self._users:
            raise RefusedError("users_not_found")
        user = self._users[email]
        return {"user": {"id": user, "team_id": TEAM, "name": user.lower(), "profile": {"email": email}}}

    def _info(self, arguments: Arguments) -> Answer:
        wanted = _required(arguments, "user")
        for email, user in self._users.items():
            if user == wanted:
                name = email.partition("@")[0].capitalize()
                return {"user": {"id": user, "tz": TIME_ZONE, "profile": {"email": email, "real_name": name}}}
        raise RefusedError("user_not_found")

    def _permalink(self, arguments: Arguments) -> Answer:
        channel, ts = _required(arguments, "channel"), _required(arguments, "message_ts")
        if (channel, ts) not in self.messages:
            raise RefusedError("message_not_found")
        return {"channel": channel, "permalink": f"https://test.slack.com/archives/{channel}/p{ts.replace('.', '')}"}

    def _open(self, arguments: Arguments) -> Answer:
        user = str(arguments.get("users", ""))
        if user not in self._users.values():
            raise RefusedError("user_not_found")
        return {"channel": {"id": self.channel(user)}}

    def _post(self, arguments: Arguments) -> Answer:
        message = self._composed(arguments, self.channel(_required(arguments, "channel")))
        if message.metadata and any(_same(message.metadata, each.metadata) for each in self.messages.values()):
            self.doubled.append(message.metadata)
        self.messages[message.channel, message.ts] = message
        return {"channel": message.channel, "ts": message.ts, "message": message.as_slack(metadata=True)}

    def _post_ephemeral(self, arguments: Arguments) -> Answer:
        message = self._composed(arguments, self.channel(_required(arguments, "channel")))
        user = _required(arguments, "user")
        if user not in self._users.values():
            raise RefusedError("user_not_in_channel")
        self.messages[message.channel, message.ts] = replace(message, ephemeral_to=user)
        return {"message_ts": message.ts}

    def _composed(self, arguments: Arguments, channel: str) -> Message:
        text, blocks = _content(arguments)
        thread = arguments.get("thread_ts")
        if thread is not None and (channel, thread) not in self.messages:
            raise RefusedError("thread_not_found")
        return Message(channel, self._ts(), text, blocks, _metadata(arguments), thread)

    def _update(self, arguments: Arguments) -> Answer:
        old = self._stored(arguments)
        text, blocks = _content(arguments)
        metadata = _metadata(arguments) if "metadata" in arguments else old.metadata
        new = replace(old, text=text, blocks=blocks, metadata=metadata, edits=old.edits + 1)
        self.messages[new.channel, new.ts] = new
        return {"channel": new.channel, "ts": new.ts, "text": text, "message": new.as_slack(metadata=True)}

    def _delete(self, arguments: Arguments) -> Answer:
        old = self._stored(arguments)
        del self.messages[old.channel, old.ts]
        return {"channel": old.channel, "ts": old.ts}

    def _stored(self, arguments: Arguments) -> Message:
        channel, ts = _required(arguments, "channel"), _required(arguments, "ts")
        # An id, not a name or a user: those two methods take nothing else.
        if channel not in self._channels and channel not in self._directs.values():
            raise RefusedError("channel_not_found")
        found = self.messages.get((channel, ts))
        if found is None or found.ephemeral_to:
            raise RefusedError("message_not_found")
        return found

    def _history(self, arguments: Arguments) -> Answer:
        channel = self.channel(_required(arguments, "channel"))
        newest_first = sorted(
            (each for each in self._visible(channel) if each.thread_ts in {None, each.ts}),
            key=lambda each: each.ts,
            reverse=True,
        )
        answer = _page(newest_first, arguments)
        for shown in answer["messages"]:
            if count := sum(shown["ts"] == each.thread_ts for each in self._visible(channel)):
                shown |= {"thread_ts": shown["ts"], "reply_count": count}
        return answer

    def _replies(self, arguments: Arguments) -> Answer:
        channel, ts = self.channel(_required(arguments, "channel")), _required(arguments, "ts")
        if (channel, ts) not in self.messages:
            raise RefusedError("thread_not_found")
        thread = [each for each in self._visible(channel) if ts in {each.ts, each.thread_ts}]
        return _page(sorted(thread, key=lambda each: each.ts), arguments)

    def _visible(self, channel: str) -> list[Message]:
        return [each for each in self.messages.values() if each.channel == channel and not each.ephemeral_to]

    def _open_view(self, arguments: Arguments) -> Answer:
        trigger = _required(arguments, "trigger_id")
        if trigger in self._triggers:
            raise RefusedError("exchanged_trigger_id")
        view = View(f"V{next(self._numbers):06}", _view(arguments))
        self._triggers.add(trigger)
        self.views[view.id] = view
        return {"view": view.as_slack()}

    def _update_view(self, arguments: Arguments) -> Answer:
        old = self.views.get(_required(arguments, "view_id"))
        if old is None:
            raise RefusedError("not_found")
        if arguments.get("hash", old.hash) != old.hash:
            raise RefusedError("hash_conflict")
        new = View(old.id, _view(arguments), old.updates + 1)
        self.views[new.id] = new
        return {"view": new.as_slack()}

    def _ts(self) -> str:
        now = self._clock() - datetime(1970, 1, 1, tzinfo=UTC)
        self._last_ts = max(self._last_ts + 1, round(now.total_seconds() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06}"


def _same(metadata: dict[str, Any], other: dict[str, Any] | None) -> bool:
    """Whether two messages say that they show the same step of the same alert."""
    payload, known = metadata["event_payload"], (other or {}).get("event_payload", {})
    return all(payload.get(name) == known.get(name) for name in ("alert_id", "step"))


def _required(arguments: Arguments, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise RefusedError("invalid_arguments", [f"[ERROR] missing required field: {name}"])
    return value


def _content(arguments: Arguments) -> tuple[str, list[dict[str, Any]]]:
    text, blocks = arguments.get("text") or "", arguments.get("blocks") or []
    if not text and not blocks:
        raise RefusedError("no_text")
    if len(text) > slack_limits.MESSAGE_TEXT:
        raise RefusedError("msg_too_long")
    if found := slack_limits.complaints(blocks):
        raise RefusedError("invalid_blocks", found)
    if slack_limits.text_length(blocks) > slack_limits.BLOCKS_TEXT:
        raise RefusedError("msg_blocks_too_long")
    return text, blocks


def _metadata(arguments: Arguments) -> dict[str, Any] | None:
    metadata: dict[str, Any] | None = arguments.get("metadata")
    if metadata is None:
        return None
    match metadata:
        case {"event_type": str(), "event_payload": dict() as payload}:
            if len(json.dumps(payload).encode()) > slack_limits.METADATA_BYTES:
                raise RefusedError("metadata_too_large")
            return metadata
        case _:
            raise RefusedError("invalid_metadata_format")


def _view(arguments: Arguments) -> dict[str, Any]:
    view = arguments.get("view")
    if not isinstance(view, dict) or view.get("type") != "modal":
        raise RefusedError("invalid_arguments", ["[ERROR] must be a modal [json-pointer:/view/type]"])
    found = slack_limits.complaints(view.get("blocks"), most=slack_limits.VIEW_BLOCKS, pointer="/view/blocks")
    if len(view.get("title", {}).get("text", "")) not in range(1, _VIEW_TITLE + 1):
        found.append(f"must be 1 to {_VIEW_TITLE} characters [json-pointer:/view/title/text]")
    if len(view.get("private_metadata", "")) > _PRIVATE_METADATA:
        found.append(f"must be less than {_PRIVATE_METADATA + 1} characters [json-pointer:/view/private_metadata]")
    if any(block.get("type") == "input" for block in view.get("blocks") or ()) and "submit" not in view:
        found.append("submit is required when an input block is within blocks [json-pointer:/view/submit]")
    if found:
        raise RefusedError("invalid_arguments", [f"[ERROR] {each}" for each in found])
    return view


def _page(messages: list[Message], arguments: Arguments) -> Answer:
    oldest, latest = str(arguments.get("oldest", "0")), str(arguments.get("latest", "9"))
    inclusive = _true(arguments.get("inclusive"))
    within = [each for each in messages if oldest < each.ts < latest or (inclusive and each.ts in {oldest, latest})]
    start, size = int(arguments.get("cursor") or 0), int(arguments.get("limit") or 100)
    end = start + size
    more = end < len(within)
    return {
        "messages": [
            each.as_slack(metadata=_true(arguments.get("include_all_metadata"))) for each in within[start:end]
        ],
        "has_more": more,
        "response_metadata": {"next_cursor": str(end) if more else ""},
    }


def _true(value: object) -> bool:
    return str(value).lower() in {"1", "true"}
