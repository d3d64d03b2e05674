"""Does an alert pass a filter?"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from schemas import alert_fields
from schemas.filter import LIMITS, Condition, Filter

OPEN: Final = object()
"""A value that is not said: whatever asks for it is undecided."""

Look = Callable[[str], object]
"""The value of a dotted field: a JSON value, a list of them for a field in a list, None where it is not known."""


def holds(asked: Filter, record: Mapping[str, Any]) -> bool:
    """Whether an alert in its JSON form passes."""
    return decide(asked, lambda name: alert_fields.value(record, name)) is True


def decide(asked: Filter, look: Look) -> bool | None:
    """The same for values that may be `OPEN`; None: it depends on them (three-valued logic, Kleene 1938)."""
    found = [verdict(look(name), condition) for name, condition in asked.fields.items()]
    if asked.and_ is not None:
        found.append(_all(decide(each, look) for each in asked.and_))
    found += [_any(decide(each, look) for each in choice) for choice in (asked.or_, asked.any_) if choice is not None]
    if asked.not_ is not None:
        found.append(_not(decide(asked.not_, look)))
    return _all(found)


def fulfils(value: object, condition: Condition) -> bool:
    """Whether a JSON value is as `condition` says; see `schemas.filter.Condition`."""
    return verdict(value, condition) is True


def verdict(value: object, condition: Condition) -> bool | None:
    """The same for a value that may be `OPEN`."""
    found = [None if value is OPEN else _compares(value, condition)]
    if condition.and_ is not None:
        found.append(_all(verdict(value, each) for each in condition.and_))
    choices = (choice for choice in (condition.or_, condition.any_) if choice is not None)
    found += [_any(verdict(value, each) for each in choice) for choice in choices]
    if condition.not_ is not None:
        found.append(_not(verdict(value, condition.not_)))
    return _all(found)


def _compares(value: object, condition: Condition) -> bool:
    if isinstance(value, list):
        if condition.exists is False:
            return not value and not _is_comparing(condition)
        return any(_compares(each, condition) for each in value) or not _is_comparing(condition)
    if value is None:
        return condition.exists is not True and not _is_comparing(condition)
    return (
        condition.exists is not False
        and (condition.eq is None or _same(value, condition.eq))
        and (condition.ne is None or not _same(value, condition.ne))
        and (condition.in_ is None or any(_same(value, each) for each in condition.in_))
        and all(_within(value, name, getattr(condition, name)) for name in LIMITS)
    )


def _is_comparing(condition: Condition) -> bool:
    names = ("eq", "ne", "in_", *LIMITS)
    return condition.exists is True or any(getattr(condition, name) is not None for name in names)


def _within(value: object, name: str, limit: float | datetime | None) -> bool:
    if limit is None:
        return True
    # Only like is compared with like: a flag is no number, and text is no time unless a time is asked for.
    left: Any = None
    if isinstance(limit, datetime):
        left = datetime.fromisoformat(value) if isinstance(value, str) else None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        left = value
    if left is None:
        return False
    match name:
        case "lt":
            return bool(left < limit)
        case "lte":
            return bool(left <= limit)
        case "gt":
            return bool(left > limit)
        case _:
            return bool(left >= limit)


def _same(value: object, wanted: object) -> bool:
    # Python's True equals 1; a flag is no number.
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


def _all(found: Iterable[bool | None]) -> bool | None:
    seen = set(found)
    return False if False in seen else None if None in seen else True


def _any(found: Iterable[bool | None]) -> bool | None:
    seen = set(found)
    return True if True in seen else None if None in seen else False


def _not(found: bool | None) -> bool | None:  # noqa: FBT001 (a truth value is its subject)
    return None if found is None else not found
