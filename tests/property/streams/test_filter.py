"""Filters against a plain reading of them: a Python expression a condition."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas import alert_fields
from schemas.filter import Condition, Filter
from streams.filter import OPEN, decide, fulfils, holds

NUMBERS = st.integers(-2, 6)
TEXTS = st.sampled_from(["gold", "silver", "", "5", "true"])
SCALARS = st.one_of(NUMBERS, TEXTS, st.booleans())
VALUES = st.one_of(SCALARS, st.none(), st.lists(st.one_of(SCALARS, st.none()), max_size=3))

LEAF = st.fixed_dictionaries(
    {},
    optional={
        "eq": SCALARS,
        "ne": SCALARS,
        "lt": NUMBERS,
        "lte": NUMBERS,
        "gt": NUMBERS,
        "gte": NUMBERS,
        "in": st.lists(SCALARS, min_size=1, max_size=3),
        "exists": st.booleans(),
    },
).filter(bool)
CONDITIONS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda own, parts: own | {"and": parts}, LEAF, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda name, parts: {name: parts}, st.sampled_from(["or", "any"]), st.lists(inner, min_size=1)),
    ),
    max_leaves=4,
)


def same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right


def plainly(value: object, asked: dict[str, Any]) -> bool:
    """What the condition says, word by word."""
    wanted = []
    comparing = [name for name in asked if name in {"eq", "ne", "lt", "lte", "gt", "gte", "in"}]
    each = value if isinstance(value, list) else [] if value is None else [value]
    known = [one for one in each if one is not None]

    def compares(one: Any) -> bool:
        number = type(one) is int
        tests: Mapping[str, Callable[[Any], bool]] = {
            "eq": lambda limit: same(one, limit),
            "ne": lambda limit: not same(one, limit),
            "in": lambda limit: any(same(one, other) for other in limit),
            "lt": lambda limit: number and bool(one < limit),
            "lte": lambda limit: number and bool(one <= limit),
            "gt": lambda limit: number and bool(one > limit),
            "gte": lambda limit: number and bool(one >= limit),
        }
        return all(tests[name](asked[name]) for name in comparing)

    if "exists" in asked and isinstance(value, list) and not asked["exists"]:
        wanted.append(value == [])
    elif "exists" in asked:
        wanted.append(asked["exists"] == bool(known))
    if comparing:
        wanted.append(any(compares(one) for one in known))
    if "not" in asked:
        wanted.append(not plainly(value, asked["not"]))
    if "and" in asked:
        wanted.append(all(plainly(value, part) for part in asked["and"]))
    wanted.extend(any(plainly(value, part) for part in asked[name]) for name in ("or", "any") if name in asked)
    return all(wanted)


@given(VALUES, CONDITIONS)
def test_a_condition_means_what_it_says(value: object, asked: dict[str, Any]) -> None:
    assert fulfils(value, Condition.model_validate(asked)) is plainly(value, asked)


@given(VALUES, CONDITIONS)
def test_not_is_the_opposite(value: object, asked: dict[str, Any]) -> None:
    assert fulfils(value, Condition.model_validate({"not": asked})) is not fulfils(
        value, Condition.model_validate(asked)
    )


RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "rating": st.integers(1, 5),
        "silent": st.booleans(),
        "customer": st.one_of(
            st.none(), st.fixed_dictionaries({}, optional={"tier": st.sampled_from(["gold", "tin"]), "arr": NUMBERS})
        ),
        "suggested_actions": st.lists(st.builds(lambda kind: {"kind": kind}, st.sampled_from(["coordinate"]))),
    },
)
FIELDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "rating": st.builds(lambda limit: {"lte": limit}, NUMBERS),
        "silent": st.builds(lambda flag: {"eq": flag}, st.booleans()),
        "customer.tier": st.sampled_from([{"eq": "gold"}, {"ne": "gold"}, {"exists": False}, {"not": {"eq": "tin"}}]),
        "customer.arr": st.builds(lambda limit: {"gte": limit}, NUMBERS),
        "suggested_actions.kind": st.sampled_from([{"eq": "coordinate"}, {"exists": True}]),
    },
)
FILTERS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    FIELDS,
    lambda inner: st.one_of(
        st.builds(lambda own, part: own | {"not": part}, FIELDS, inner),
        st.builds(
            lambda own, name, parts: own | {name: parts},
            FIELDS,
            st.sampled_from(["and", "or", "any"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
    ),
    max_leaves=6,
)


def passes(record: dict[str, Any], asked: dict[str, Any]) -> bool:
    wanted = [
        plainly(alert_fields.value(record, name), condition)
        for name, condition in asked.items()
        if name not in {"and", "or", "any", "not"}
    ]
    wanted += [all(passes(record, part) for part in asked["and"])] if "and" in asked else []
    wanted += [any(passes(record, part) for part in asked[name]) for name in ("or", "any") if name in asked]
    wanted += [not passes(record, asked["not"])] if "not" in asked else []
    return all(wanted)


@given(RECORDS, FILTERS)
def test_a_filter_means_what_it_says(record: dict[str, Any], asked: dict[str, Any]) -> None:
    assert holds(Filter.model_validate(asked), record) is passes(record, asked)


def _look(known: Mapping[str, object], name: str) -> object:
    return known.get(name, OPEN)


@given(st.lists(RECORDS, min_size=1, max_size=6), FILTERS)
def test_what_is_undecided_comes_out_one_way_or_the_other(records: list[dict[str, Any]], asked: dict[str, Any]) -> None:
    """A verdict on a rating alone holds for every alert with that rating."""
    whole = Filter.model_validate(asked)
    for record in records:
        known = {"rating": record.get("rating")}
        verdict = decide(whole, partial(_look, known))
        assert verdict is None or verdict is holds(whole, record)
