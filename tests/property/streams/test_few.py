"""The short ways for customers with few ratings tell the same as the long ones."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import load_policy
from streams.answers import Answers, Mark
from streams.level import Level
from streams.spans import DAY, MONTH, Spans, Sums, compare_few
from streams.track import Track

SPANS = Spans.of(load_policy(None))
_GAP = st.one_of(
    st.integers(1, 60 * DAY), st.sampled_from([SPANS.recent, SPANS.baseline, SPANS.recent + SPANS.baseline])
)
_RATING = st.integers(1, 5)


def _answers(given_: list[tuple[int, int]]) -> Answers:
    answers = Answers()
    times = accumulate(gap for gap, _ in given_)
    for n, (at, (_, rating)) in enumerate(zip(times, given_, strict=True)):
        assert answers.append(at, rating, f"S-{n}", f"e-{n}", f"S-{n}")
    return answers


@given(st.lists(st.tuples(_GAP, _RATING), min_size=1, max_size=8))
def test_the_sums_of_a_handful_are_those_of_many(given_: list[tuple[int, int]]) -> None:
    answers = _answers(given_)
    assert answers.few is not None
    few = compare_few(answers.few, answers.newest, SPANS)
    answers.settle()
    many = Sums(SPANS)
    many.catch_up(answers)
    assert few == many.compared


@given(st.lists(st.tuples(_GAP, _RATING), min_size=1, max_size=SPANS.prior.fewest_usual))
def test_a_new_customer_is_under_no_suspicion(given_: list[tuple[int, int]]) -> None:
    level = Level.unknown()
    level.fold(_answers(given_).since(0), SPANS.prior)
    assert level.suspicion is None


@given(st.lists(st.tuples(_GAP, _RATING), min_size=1, max_size=12))
def test_answers_that_were_kept_and_read_back_go_on_alike(given_: list[tuple[int, int]]) -> None:
    answers = _answers(given_)
    again = Answers()
    again.extend(answers.pack())
    for each in (answers, again):
        assert each.append(each.newest + 1, 3, "S-new", "e-new", "T-new")
        assert not each.append(each.newest + 1, 3, "S-0", "e-x", "S-0")
    assert (list(again), again.oldest, again.newest) == (list(answers), answers.oldest, answers.newest)
    assert again == answers
    assert again.one_a_ticket == answers.one_a_ticket


@given(
    st.lists(st.tuples(_GAP, _RATING), min_size=1, max_size=12),
    st.dictionaries(st.integers(0, 11), st.tuples(st.integers(1, 5), st.booleans())),
)
def test_marks_of_few_are_those_of_many(given_: list[tuple[int, int]], drawn: dict[int, tuple[int, bool]]) -> None:
    surveys = [f"S-{n}" for n in range(12)]
    marks = {surveys[n]: Mark(*mark) for n, mark in drawn.items() if n < len(given_)}
    few, many = Track(), Track()
    few.answers, many.answers = _answers(given_), _answers(given_)
    many.answers.settle()
    for survey, mark in marks.items():
        few.mark(survey, mark)
        many.mark(survey, mark)
    again = Answers()
    again.extend(few.answers.pack())
    assert [few.answers.mark(survey) for survey in surveys] == [marks.get(survey) for survey in surveys]
    assert few.answers == many.answers == again
    assert (few.answers.few is not None) == (again.few is not None) == (len(given_) <= 8)
    for each in (few.answers, again):
        assert each.open_before(len(given_)) == many.answers.open_before(len(given_))
        assert [each.mark(survey) for survey in surveys] == [many.answers.mark(survey) for survey in surveys]


@given(st.lists(st.tuples(_GAP, _RATING, st.integers(0, 3)), min_size=1, max_size=8), st.integers(0, MONTH))
def test_the_month_of_few_is_that_of_many(given_: list[tuple[int, int, int]], before: int) -> None:
    few, many = Track(), Track()
    at = 0
    for n, (gap, rating, ticket) in enumerate(given_):
        at += gap
        for each in (few, many):
            assert each.answers.append(at, rating, f"S-{n}", f"e-{n}", f"T-{ticket}")
    assert few.answers.few is not None
    many.answers.settle()
    assert few.month_up_to(at - before, 2, SPANS) == many.month_up_to(at - before, 2, SPANS)


def test_only_an_answer_that_is_there_can_be_marked() -> None:
    track = Track()
    with pytest.raises(KeyError, match="S-1"):
        track.mark("S-1", Mark(1, open=True))
