"""A long history is kept in pieces: only what changed is written, no value is large, and nothing is lost by it."""

from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.policy import load_policy
from streams import pieces, track
from streams.answers import Answer
from streams.detect import microseconds
from streams.spans import DAY, Spans
from streams.tickets import Closing
from streams.track import Track
from tests.memory import NOW

SPANS = Spans.of(load_policy(None))
START = microseconds(NOW)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(0, 200), st.integers(0, 60)),
        st.tuples(st.just("close"), st.integers(0, 200), st.integers(0, 60)),
        st.tuples(st.just("keep"), st.just(0), st.just(0)),
        st.tuples(st.just("clear"), st.just(0), st.integers(0, 9)),
    ),
    max_size=120,
)


class Store(dict[str, bytes]):
    """The values of one customer, as the table keeps them."""

    def keep(self, live: Track) -> dict[str, bytes | None]:
        changed = live.encode()
        for suffix, value in changed.items():
            if value is None:
                self.pop(suffix, None)
            else:
                self[suffix] = value
        return changed

    def read(self) -> Track:
        return Track.decode(self[""], self.get)


@settings(max_examples=300, deadline=None)
@given(STEPS)
@example([*(("answer", 0, survey) for survey in range(7)), ("keep", 0, 0), ("answer", 1, 1), ("keep", 0, 0)])
def test_what_is_kept_is_what_was_folded(steps: list[tuple[str, int, int]]) -> None:
    with patch.object(pieces, "PIECE", 3), patch.object(track, "PIECE", 3), patch.object(track, "MOST_BYTES", 180):
        live, store = Track(), Store()
        for i, (what, day, number) in enumerate(steps):
            if what == "answer":
                live.fold(Answer(START + day * DAY, 1 + number % 5, f"s{number}", f"e{i}", f"t{number % 3}"), SPANS)
            elif what == "close":
                live.close_ticket(Closing(START + day * DAY, f"t{number}"), SPANS)
            elif what == "clear" and not number:
                live.clear()
            elif what == "keep":
                store.keep(live)
                read = store.read()
                assert (read.answers, read.tickets.closed) == (live.answers, live.tickets.closed)
                assert all(len(value) <= 180 for suffix, value in store.items() if suffix)
                live = read
        store.keep(live)
        assert store.read().answers == live.answers


def test_an_answer_at_the_end_writes_the_head_alone() -> None:
    live, store = Track(), Store()
    for i in range(9_000):
        live.fold(Answer(START + i * 60_000_000, 4, f"s{i}", f"e{i}", f"s{i}"), SPANS)
    assert len(store.keep(live)) > 3
    live.fold(Answer(START + 9_001 * 60_000_000, 4, "new", "new", "new"), SPANS)
    assert list(store.keep(live)) == [""]
    assert max(len(value) for value in store.values()) < track.MOST_BYTES
    live.fold(Answer(START + 1, 1, "late", "late", "late"), SPANS)
    assert sorted(store.keep(live)) == ["", "/a0"]


def test_the_longest_ids_fit_too() -> None:
    live, store = Track(), Store()
    for i in range(3_000):
        live.fold(Answer(START + i * 60_000_000, 4, f"{i:0>200}", f"e{i:0>199}", f"t{i:0>199}"), SPANS)
    store.keep(live)
    assert max(len(value) for value in store.values()) <= track.MOST_BYTES
    assert store.read().answers == live.answers
