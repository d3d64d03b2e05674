"""Slack: what a message says (pure), and how it gets there."""

from sinks.slack.api import Api, web_client
from sinks.slack.layout import message, templates
from sinks.slack.message import Message
from sinks.slack.preview import Part, as_parts, as_text
from sinks.slack.sender import Slack

__all__ = ["Api", "Message", "Part", "Slack", "as_parts", "as_text", "message", "templates", "web_client"]
