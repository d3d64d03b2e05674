"""The short ways for customers with few ratings tell the same as the long ones."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import load_policy
from streams.answers import Answers
from streams.level import Level
from streams.spans import DAY, Spans, Sums

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
    assert answers.are_few
    few = Sums.of_few(answers.since(0), answers.newest, SPANS)
    answers.settle()
    many = Sums(SPANS)
    many.catch_up(answers)
    assert few == many


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
