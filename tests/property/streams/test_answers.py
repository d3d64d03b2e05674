"""The columns hold the answers that were put into them, whether or not surveys go by their tickets."""

from bisect import insort

from hypothesis import given
from hypothesis import strategies as st

from streams.answers import Answer, Answers

# What is done, with a number that it takes.
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(("append", "append", "append", "insert", "remove", "expire", "settle", "keep")),
        st.integers(0, 30),
    ),
    max_size=40,
)


def _order(answer: Answer) -> tuple[int, str]:
    return answer.at, answer.event


@given(_STEPS, st.integers(0, 40))
def test_what_was_put_in_is_there_in_order(steps: list[tuple[str, int]], others_from: int) -> None:
    """From the answer `others_from` on, surveys are others than their tickets now and then."""
    answers, known = Answers(), list[Answer]()
    for n, (step, number) in enumerate(steps):
        survey = f"s{n}"
        ticket = f"t{number % 3}" if n >= others_from and number % 2 else survey
        if step == "append":
            new = Answer(n * 100, 1 + number % 5, survey, f"e{n}", ticket)
            assert answers.append(*new)
            known.append(new)
        elif step == "insert":
            new = Answer(number, 1 + number % 5, survey, f"e{n}", ticket)
            answers.insert(new, 0)
            insort(known, new, key=_order)
        elif step == "remove" and known:
            answers.remove(number % len(known))
            del known[number % len(known)]
        elif step == "expire":
            answers.expire(number % (len(known) + 1))
            del known[: number % (len(known) + 1)]
        elif step == "settle":
            answers.settle()
        elif step == "keep":
            parts = [answers.pack(0, number % (len(known) + 1)), answers.pack(number % (len(known) + 1))]
            answers = Answers()
            for part in parts:
                answers.extend(part)
        assert len(answers) == len(known)
        assert not answers.one_a_ticket or all(each.survey == each.ticket for each in known)
    assert list(answers) == known
