"""What an event did to the track of its customer."""

from typing import Final, Literal

APPLIED: Final = "applied"
DUPLICATE: Final = "duplicate"
LATE: Final = "late"
"""Older than the window, or than another answer to the same survey: it changes nothing."""
Fold = Literal["applied", "duplicate", "late"]
