"""The address of a message, for people to get to it."""

from sinks.base import SendError
from sinks.slack.api import Api


async def permalink(api: Api, channel: str, ts: str) -> str | None:
    """None where it is no message of Slack's, or Slack does not say."""
    if not ts.replace(".", "").isdigit():
        return None
    try:
        answer = await api.call("chat.getPermalink", channel=channel, message_ts=ts)
    except SendError:
        return None
    found = answer.get("permalink")
    return found if isinstance(found, str) and found else None
