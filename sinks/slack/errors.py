"""What does a failed call to Slack's Web API mean for the step?"""

import re
from collections.abc import Mapping

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from sinks.base import Permanent, Retriable, SendError

UNREACHABLE = frozenset(
    {
        "users_not_found",
        "user_not_found",
        "user_not_visible",
        "user_disabled",
        "cannot_dm_bot",
        "cannot_find_user",
        "messages_tab_disabled",
    }
)
"""This person cannot be written to: the message goes to the fallback channel."""

RETRIABLE = frozenset(
    {
        "fatal_error",
        "internal_error",
        "ratelimited",
        "rate_limited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""Slack's own trouble; after these the call may or may not have been carried out."""

OPERATOR = frozenset(
    {
        "access_denied",
        "accesslimited",
        "account_inactive",
        "ekm_access_denied",
        "invalid_auth",
        "missing_scope",
        "not_authed",
        "org_login_required",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""The installation's token or rights: nothing goes out until an operator mends them, and then everything should."""

PERMANENT = frozenset(
    {
        "as_user_not_supported",
        "cannot_reply_to_message",
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "invalid_arguments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "is_archived",
        "message_not_found",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "not_in_channel",
        "restricted_action",
        "too_many_attachments",
    }
)
"""This message, or this channel: the step fails visibly. A code on none of these lists counts as permanent too."""

POST = "chat.postMessage"
NO_THREAD = frozenset({"cannot_reply_to_message", "message_not_found", "thread_not_found"})
"""Of a post into a thread: it has to be a message of its own."""

_WAIT_FOR_OPERATOR = 60.0  # seconds
_WAIT_UNTOLD = 30.0  # seconds, where a 429 does not say how long
_LONGEST_WAIT = 3600.0  # seconds; a larger Retry-After is looked at again after this
_CODE = re.compile(r"[a-z0-9_]{1,60}")
_TOO_MANY, _SERVER = 429, 500


_FOR_SOME = frozenset({"access_denied", "missing_scope"})  # other methods may well go through


class RateLimited(Retriable):
    """Slack asks for a pause of `after` seconds."""

    def __init__(self, method: str, after: float) -> None:
        # A channel takes so many posts; other methods' limits say nothing of it.
        rest = after if method == POST else 0.0
        super().__init__(f"{method}: rate limited", after=after, counts=False, rest=rest)


class ThreadGone(Permanent):
    """The message below which another one was to go is not there any more."""


def code_of(error: SlackApiError) -> str:
    """Slack's error code; "" where the answer has none that looks like one."""
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def classify(method: str, error: Exception, *, timeout: float) -> SendError:
    """The error of a call of `method`, with nothing in it but the method, a status, a code or a class.

    Args:
        method: Slack's name of it.
        error: what slack-sdk raised.
        timeout: seconds after which the call was given up. One that may still be under way at Slack is asked about no
            sooner than that.
    """
    if isinstance(error, SlackApiError):
        return _refused(method, error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return Retriable(f"{method}: cannot connect", away=True)
    if isinstance(error, TimeoutError):
        return Retriable(f"{method}: no answer within {timeout:g} s", after=timeout, uncertain=True, away=True)
    if isinstance(error, aiohttp.ClientError | OSError):
        return Retriable(f"{method}: {type(error).__name__}", uncertain=True, away=True)
    if isinstance(error, SlackClientError):
        return Permanent(f"{method}: {type(error).__name__}")
    raise error


def _refused(method: str, error: SlackApiError) -> SendError:
    response = error.response
    # slack-sdk hands on aiohttp's own response where the body is not JSON.
    status: int = getattr(response, "status_code", 0) or getattr(response, "status", 0)
    code = code_of(error)
    if status == _TOO_MANY or code in {"ratelimited", "rate_limited"}:
        return RateLimited(method, _retry_after(getattr(response, "headers", {})))
    if status >= _SERVER or code in RETRIABLE:
        return Retriable(f"{method}: {code or f'HTTP {status}'}", uncertain=True, away=True)
    if code in OPERATOR:
        away = code not in _FOR_SOME
        return Retriable(f"{method}: {code}: mend the bot token or its scopes", after=_WAIT_FOR_OPERATOR, away=away)
    return Permanent(f"{method}: {code or f'HTTP {status}'}")


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        # aiohttp's headers, which do not care for case.
        seconds = float(headers["Retry-After"])
    except (KeyError, ValueError):
        return _WAIT_UNTOLD
    return min(max(seconds, 0.0), _LONGEST_WAIT)
