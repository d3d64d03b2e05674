from hypothesis import given
from hypothesis import strategies as st

from streams.similar import MENTIONS, groups

_TEXTS = (
    "The calendar sync lost two meetings again.",
    "Calendar sync has been unreliable since the update!",
    "Nobody could tell us why the calendar sync stops.",
    "Invoices are wrong: the invoice shows another plan.",
    "Third wrong invoice this year.",
    "Your invoice's total is off.",
    "Slow.",
    "",
)


def test_texts_are_grouped_by_the_words_that_they_share() -> None:
    found = [(group.term, group.texts) for group in groups(_TEXTS)]
    assert found == [("calendar sync", (0, 1, 2)), ("invoice", (3, 4, 5))]


def test_a_word_that_two_texts_share_is_no_group_and_words_that_say_nothing_are_none() -> None:
    assert groups(["The export fails", "export failed"]) == []
    assert groups(["It took too long, thanks for the support"] * 5) == []
    assert groups(["Es hat leider nicht geklappt"] * 2 + ["leider nicht"] * 3) == []


def test_a_word_repeated_in_one_text_counts_once() -> None:
    assert groups(["login login login", "login"]) == []


@given(st.lists(st.text("abcdefg ", max_size=40), max_size=25))
def test_a_text_is_in_one_group_at_most_and_each_group_is_large_enough(texts: list[str]) -> None:
    found = groups(texts)
    members = [place for group in found for place in group.texts]
    assert len(members) == len(set(members))
    assert all(len(group.texts) >= MENTIONS for group in found)
    assert found == groups(texts)
    for group in found:
        assert all(group.term in " ".join(texts[place].split()) for place in group.texts)
