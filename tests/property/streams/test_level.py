"""The evidence for a fall, folded one rating at a time, against the whole history told at once."""

from datetime import timedelta
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.alert import Status
from schemas.policy import load_policy
from streams.answers import Answer
from streams.detect import Rules, instant, measure, microseconds, turn
from streams.level import Level, Prior
from streams.spans import DAY, Spans
from streams.track import Track, TrendAlert
from tests.memory import NOW
from tests.oracle_level import tell

POLICY = load_policy(None)
RULE = POLICY.declining_trend
PRIOR = Prior.of(RULE)
SPANS = Spans.of(POLICY)


@st.composite
def histories(draw: st.DrawFn, *, longest: int = 150) -> list[tuple[int, int]]:
    """Times and ratings: usual ones, and sometimes a fall, a recovery, a fall again."""
    ratings: list[int] = []
    while len(ratings) < longest and (not ratings or draw(st.booleans())):
        of = draw(st.sampled_from(((5, 5, 5, 4), (5, 4, 3, 5, 1), (1, 2, 3), (3,), (1, 5), (1, 2, 3, 4, 5))))
        ratings += draw(st.lists(st.sampled_from(of), min_size=1, max_size=60))
    gaps = draw(st.sampled_from((DAY // 3, DAY, 5 * DAY, 20 * DAY)))
    start = microseconds(NOW)
    return [(start + i * gaps, rating) for i, rating in enumerate(ratings)]


_SUDDEN = [(microseconds(NOW) + i * DAY // 3, rating) for i, rating in enumerate([5] * 6 + [4] + [1] * 7)]


@settings(max_examples=150, deadline=None)
@given(histories())
@example(_SUDDEN)  # far from the usual ratings the tilt is steep
def test_folding_is_what_a_recount_of_everything_gives(history: list[tuple[int, int]]) -> None:
    level = Level.unknown()
    level.fold(history, PRIOR)
    told = tell([(instant(at), rating) for at, rating in history], RULE)
    assert level.counts == [told.usual.count(rating) for rating in range(1, 6)]
    assert (level.n, level.total) == (len(told.usual), sum(told.usual))
    found = level.suspicion
    assert (found is not None) == bool(told.suspect)
    if found is not None:
        assert found.since == microseconds(told.suspect[0][0])
        assert (found.n, found.total) == (len(told.suspect), sum(rating for _, rating in told.suspect))
        assert abs(found.score - told.score) < 1e-6
        assert found.strong == told.strong


@settings(deadline=None)
@given(histories(), st.integers(1, 40))
def test_in_how_many_goes_it_is_folded_does_not_matter(history: list[tuple[int, int]], at_once: int) -> None:
    whole, parts = Level.unknown(), Level.unknown()
    whole.fold(history, PRIOR)
    for begin in range(0, len(history), at_once):
        part = history[begin : begin + at_once]
        parts.fold(part, PRIOR)
    assert parts == whole


@settings(max_examples=300, deadline=None)
@given(histories())
@example(_SUDDEN)
def test_no_evidence_is_strong_sooner_than_said(history: list[tuple[int, int]]) -> None:
    level = Level.unknown()
    strong, not_before = [False], [0]
    for place, answer in enumerate(history, 1):
        level.fold([answer], PRIOR)
        strong.append(level.suspicion is not None and level.suspicion.strong)
        not_before.append(place + level.fewest_to_strong(PRIOR))
    if True in strong:
        first = strong.index(True)
        assert max(not_before[:first]) <= first
        assert not_before[first] == first


class _Looked(Track):
    """One that is looked at for every rating."""

    def is_quiet(self, fewest: int, spans: Spans) -> bool:
        return False


@settings(max_examples=300, deadline=None)
@given(histories(longest=300))
@example(_SUDDEN)
def test_looking_only_where_evidence_may_be_strong_finds_the_same_turns(history: list[tuple[int, int]]) -> None:
    rules, resting, looking = Rules.of(POLICY), Track(), _Looked()
    for i, (at, rating) in enumerate(history):
        answer = Answer(at, rating, f"s{i}", f"e{i:04}", f"s{i}")
        resting.fold(answer, SPANS)
        looking.fold(answer, SPANS)
        turned = [turn(resting, rating, rules), turn(looking, rating, rules)]
        assert turned[0] is turned[1]
        for track in (resting, looking):
            if turned[0] is Status.FIRING:
                track.trend = TrendAlert(f"s{i}", f"e{i:04}", at, 1, open=True)
            elif turned[0] is Status.RESOLVED and track.trend is not None:
                track.trend.open = False


@settings(deadline=None)
@given(histories(longest=300), st.integers(0, 10**6), st.integers(1, 30))
def test_late_answers_and_kept_states_give_the_same_level(
    history: list[tuple[int, int]], seed: int, batch: int
) -> None:
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    answers = [Answer(at, rating, f"s{i}", f"e{i:04}", f"s{i}") for i, (at, rating) in enumerate(history)]
    late = sorted(answers, key=lambda answer: answer.at + random.choice((0, 0, 0, 50 * DAY)))
    track, stored = Track(), dict[str, bytes]()
    for i, answer in enumerate(late):
        track.fold(answer, SPANS)
        if i % batch == 0:
            track.level(SPANS)
            stored |= {name: value for name, value in track.encode().items() if value is not None}
            track = Track.decode(stored[""], stored.get)
    straight = Level.unknown()
    straight.fold(history, PRIOR)
    assert track.level(SPANS) == straight


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(1, 200), st.integers(1, 30))
def test_a_constant_stream_is_never_suspect(rating: int, count: int, days: int) -> None:
    level = Level.unknown()
    for i in range(count):
        level.fold([(i * days * DAY, rating)], PRIOR)
        assert level.suspicion is None


@settings(deadline=None)
@given(histories())
def test_a_trend_says_what_the_history_told_at_once_says(history: list[tuple[int, int]]) -> None:
    track = Track()
    for i, (at, rating) in enumerate(history):
        track.fold(Answer(at, rating, f"s{i}", f"e{i:04}", f"s{i}"), SPANS)
    trend = measure(track, Rules.of(POLICY))
    told = tell([(instant(at), rating) for at, rating in history], RULE)
    newest = instant(history[-1][0])
    if trend.evidence == "strong":
        suspect = [rating for _, rating in told.suspect]
        assert told.strong
        assert trend.since == told.suspect[0][0]
        assert trend.recent_avg == sum(suspect) / len(suspect)
        assert trend.baseline_avg == sum(told.usual) / len(told.usual)
        assert (trend.recent_n, trend.baseline_n) == (len(suspect), len(told.usual))
        assert trend.p is not None
    else:
        recent = [r for at, r in history if instant(at) >= newest - timedelta(days=RULE.recent_days)]
        assert trend.recent_n == len(recent)
        assert trend.recent_avg == sum(recent) / len(recent)
        few = trend.recent_n < RULE.recent_min or trend.baseline_n < RULE.baseline_min
        assert trend.evidence == ("insufficient" if few else "weak")
