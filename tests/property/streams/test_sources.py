"""Whatever a source says: it is a valid event, or no answer, or refused in words. Never anything else."""

from typing import Any, get_args

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.scale import SCALES, key, rating
from streams.sources.answer import Unmappable, answer
from streams.sources.pick import items
from streams.validate import validate
from tests.sources import ARRIVED, CUSTOMER, SOURCES, Form, body, shape

_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.text(st.characters(), max_size=600),
    st.sampled_from([1, "1", -103, "bad", "good", 1777887000, "2026-05-04T09:30:00Z", "\0", "x@y", "\ud800"]),
)  # fmt: skip
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


def _holes(said: Any, draw: st.DrawFn) -> Any:
    """An example with other values here and there."""
    if draw(st.integers(0, 9)) == 0:
        return draw(_JSON)
    if isinstance(said, dict):
        return {name: _holes(value, draw) for name, value in said.items()}
    if isinstance(said, list):
        return [_holes(value, draw) for value in said]
    return said


@st.composite
def _said(draw: st.DrawFn) -> tuple[str, Form, Any]:
    source, form = draw(st.sampled_from(sorted(SOURCES))), draw(st.sampled_from(get_args(Form)))
    return source, form, _holes(body(source, form), draw)


_HALF_A_CHARACTER = body("chatwoot", "webhook")
_HALF_A_CHARACTER["conversation"]["meta"]["sender"]["name"] = "\ud800"


@given(_said())
@example(("chatwoot", "webhook", _HALF_A_CHARACTER))
def test_an_event_is_valid_or_it_is_none(case: tuple[str, Form, Any]) -> None:
    source, form, said = case
    of = shape(source, form)
    for item in items(of, said):
        try:
            found = answer(SOURCES[source], of, item, ARRIVED)
        except Unmappable:
            continue
        if found is not None:
            event = found.event(CUSTOMER)
            assert validate(event.to_json()) == event
            assert event.survey.startswith(f"{source}-")


@given(st.sampled_from(sorted(SCALES)))
def test_a_better_value_is_never_a_worse_rating(scale: str) -> None:
    table = SCALES[scale]
    numbers = sorted((int(raw), to) for raw, to in table.items() if raw.lstrip("-").isdigit())
    assert [to for _, to in numbers] == sorted(to for _, to in numbers)
    assert min(table.values()) == 1
    assert max(table.values()) == 5


@given(st.integers(-200, 200))
def test_a_number_is_one_value_however_it_is_written(raw: int) -> None:
    table = SCALES["freshdesk"]
    assert key(raw) == key(float(raw)) == key(f" {raw} ")
    assert rating(table, raw) == rating(table, float(raw)) == rating(table, str(raw))
