"""The scales of survey tools, and what each of their values is from 1 to 5. Raw value and scale stay with the event."""

from collections.abc import Mapping

Raw = str | int | float | bool
"""A rating as a survey tool says it."""


def _steps(*ratings: int) -> Mapping[str, int]:
    return {str(raw): rating for raw, rating in enumerate(ratings, 1)}


SCALES: Mapping[str, Mapping[str, int]] = {
    "2-point": {
        **dict.fromkeys(("bad", "negative", "unsatisfied", "no", "false", "down", "0"), 1),
        **dict.fromkeys(("good", "positive", "satisfied", "yes", "true", "up", "1"), 5),
    },
    "3-point": _steps(1, 3, 5),
    "4-point": _steps(1, 2, 4, 5),
    "5-point": _steps(1, 2, 3, 4, 5),
    "6-point": _steps(1, 2, 3, 3, 4, 5),
    "7-point": _steps(1, 2, 2, 3, 4, 4, 5),
    "10-point": _steps(1, 1, 2, 2, 3, 3, 4, 4, 5, 5),
    # One coding for its surveys of two, three, five and seven faces: https://developers.freshdesk.com/api/#satisfaction-ratings
    "freshdesk": {"-103": 1, "-102": 2, "-101": 2, "100": 3, "101": 4, "102": 4, "103": 5},
}
"""By the scale's name, each raw value as `key` has it."""


def key(raw: Raw) -> str:
    """How a raw value stands in a table: `4`, `4.0` and `" 4 "` are one value, and so are `Good` and `good`."""
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return str(raw).strip().lower()


def rating(table: Mapping[str, int], raw: Raw) -> int | None:
    """What `raw` is from 1 to 5; None: it is no value of this scale."""
    return table.get(key(raw))
