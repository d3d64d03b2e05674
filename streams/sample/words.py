"""What tickets are about, and what people write about the help they got."""

import random
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A category of tickets.

    Attributes:
        subjects: of its tickets.
        thing: what it is about, as it stands in a sentence.
        trouble, relief: a sentence where it went badly, and one where it went well.
        sla_hours: what is promised.
    """

    subjects: tuple[str, ...]
    thing: str
    trouble: tuple[str, ...]
    relief: tuple[str, ...]
    sla_hours: float


TOPICS: Mapping[str, Topic] = {
    "Technical Issue": Topic(
        (
            "Webhook deliveries fail with a timeout",
            "Export job stops at 40 percent",
            "Search returns nothing since this morning",
            "Error 500 when saving a report",
            "Scheduled sync skipped two runs",
            "Attachments cannot be opened",
        ),
        "the error",
        (
            "The same error came back the next day.",
            "We had to send the logs three times.",
            "The workaround broke another job of ours.",
            "Nobody could say what caused it.",
        ),
        (
            "The fix held, and the cause was explained.",
            "The logs were read before anybody asked for more.",
            "A patch was out the same day.",
        ),
        24,
    ),
    "Billing": Topic(
        (
            "Invoice shows seats we removed",
            "Charged twice for March",
            "VAT number missing on the invoice",
            "Cannot change the payment method",
            "Credit note not applied",
        ),
        "the invoice",
        (
            "The wrong amount was charged again.",
            "We were sent from one team to the next.",
            "Our accountant is still waiting for the corrected invoice.",
        ),
        (
            "The credit was booked while we were on the phone.",
            "The corrected invoice came within the hour.",
            "Clear answer on every line of the bill.",
        ),
        48,
    ),
    "Account Access": Topic(
        (
            "Locked out after password reset",
            "Single sign-on loops back to the login page",
            "New colleagues get no invitation e-mail",
            "Two-factor codes are refused",
        ),
        "our access",
        (
            "Half of our team could not work for a day.",
            "The reset link had expired each time it arrived.",
            "We were asked to prove who we are over and over.",
        ),
        (
            "Everybody was back in within minutes.",
            "The single sign-on settings were checked with us step by step.",
        ),
        8,
    ),
    "Integration": Topic(
        (
            "CRM connector drops custom fields",
            "Salesforce sync duplicates contacts",
            "OAuth token expires every hour",
            "Sandbox behaves differently from production",
        ),
        "the connector",
        (
            "The documentation says something else.",
            "Our data had to be cleaned up by hand.",
            "The answer was a link that we had read already.",
        ),
        (
            "We got a working example for our own setup.",
            "The mapping was put right in one call.",
        ),
        36,
    ),
    "Performance": Topic(
        (
            "Dashboard takes a minute to load",
            "API slow during business hours",
            "Bulk import crawls since the last release",
            "Reports time out at the end of the month",
        ),
        "the slow pages",
        (
            "It is still slow, whatever the status page says.",
            "We were told to try another browser.",
            "Our own customers noticed it before support did.",
        ),
        (
            "Loading is down to two seconds now.",
            "The bottleneck was found and shown to us.",
        ),
        48,
    ),
    "How-to Question": Topic(
        (
            "How to archive a workspace",
            "Permissions for external auditors",
            "Best way to structure teams",
            "Can we change the fiscal year?",
        ),
        "our question",
        (
            "The question was misread twice.",
            "A canned reply, not an answer.",
        ),
        (
            "Short and exact answer, with screenshots.",
            "We even got a tip that we had not asked for.",
        ),
        24,
    ),
}

_OPENINGS: Mapping[int, tuple[str, ...]] = {
    1: (
        "Very disappointed with how {thing} was handled.",
        "This was a waste of our time.",
        "Days of silence about {thing}.",
        "Nobody took ownership of {thing}.",
    ),
    2: (
        "It took far too long to look at {thing}.",
        "We expected more than this.",
        "Slow replies, and little help with {thing}.",
        "Had to chase support about {thing}.",
    ),
    3: (
        "It was all right in the end.",
        "Solved, but slowly.",
        "Average experience with {thing}.",
        "Friendly, though it needed several rounds.",
    ),
    4: (
        "Good help with {thing}.",
        "Quick reply and a clear answer.",
        "Solved on the second try, friendly all along.",
        "Thanks, {thing} is sorted.",
    ),
    5: (
        "Excellent support!",
        "Fast, friendly and right the first time.",
        "Could not have asked for better help with {thing}.",
        "Great work on {thing}, thank you.",
    ),
}
_CLOSINGS: Mapping[int, tuple[str, ...]] = {
    1: ("We are looking at alternatives.", "Please have somebody call us.", "Not what we pay for.", ""),
    2: ("This has to improve.", "The ticket was closed before it was solved.", "", ""),
    3: ("", "", "Could be faster.", "Please keep us posted next time."),
    4: ("", "", "Thanks!", "One small delay, otherwise fine."),
    5: ("", "Keep it up.", "Thanks to the whole team!", ""),
}
_SILENT = {1: 0.08, 2: 0.15, 3: 0.35, 4: 0.45, 5: 0.4}
POOR, GOOD = 2, 4
"""Ratings up to the one are written about as trouble, from the other on as relief."""


def feedback(draw: random.Random, category: str, rating: int) -> str | None:
    """What somebody writes who gives this rating; None where nothing is written."""
    if draw.random() < _SILENT[rating]:
        return None
    topic = TOPICS[category]
    middle = topic.trouble if rating <= POOR else topic.relief if rating >= GOOD else ("",)
    parts = (
        draw.choice(_OPENINGS[rating]).format(thing=topic.thing),
        draw.choice(middle),
        draw.choice(_CLOSINGS[rating]),
    )
    return " ".join(part for part in parts if part)
