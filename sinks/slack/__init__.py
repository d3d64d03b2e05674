"""Slack: what a message says (pure), and how it gets there."""

from sinks.slack.layout import TEMPLATES, message
from sinks.slack.message import Message
from sinks.slack.preview import as_parts, as_text
from sinks.slack.sender import Slack

__all__ = ["TEMPLATES", "Message", "Slack", "as_parts", "as_text", "message"]
