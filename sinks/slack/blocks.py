"""The blocks that our messages are made of."""

from slack_sdk.models.blocks import Block, ContextBlock, MarkdownTextObject, SectionBlock


def section(text: str) -> Block:
    """A paragraph of escaped mrkdwn."""
    # Verbatim: Slack makes no links or mentions of its own out of the customer's words.
    return SectionBlock(text=MarkdownTextObject(text=text, verbatim=True))


def note(text: str) -> Block:
    """Small print, of escaped mrkdwn."""
    return ContextBlock(elements=[MarkdownTextObject(text=text, verbatim=True)])
