"""A Slack message: its blocks, and the text for notifications and screen readers."""

from dataclasses import dataclass
from typing import Any

from slack_sdk.models.blocks import Block


@dataclass(frozen=True, slots=True)
class Message:
    """Ready to be posted.

    Attributes:
        text: in place of the blocks where they cannot be shown; escaped as mrkdwn.
    """

    blocks: tuple[Block, ...]
    text: str

    def as_json(self) -> list[dict[str, Any]]:
        """The blocks as Slack takes them, checked against its limits by slack-sdk."""
        return [block.to_dict() for block in self.blocks]
