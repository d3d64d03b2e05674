"""Whatever the accounts, no fall is left out, and the digest does not depend on their order."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import Evidence, Kind, Severity
from schemas.digest import OpenAlert, Part, Standing
from schemas.policy import WeeklyDigest
from tests.digests import NOW, POLICY, account, ago, customer, digest, fallen

RULE = POLICY.model_copy(update={"digest": WeeklyDigest(most=3)})
days = st.floats(0, 200, allow_nan=False)

open_alerts = st.builds(
    OpenAlert,
    kind=st.sampled_from([Kind.POOR_RATING, Kind.DECLINING_TREND]),
    severity=st.sampled_from(Severity),
    occurred_at=days.map(ago),
    rating=st.integers(1, 5),
    task_due_at=st.none() | st.floats(-30, 200, allow_nan=False).map(ago),
    seen=st.booleans(),
    followed_up_at=st.none() | days.map(ago),
)


@st.composite
def accounts(draw: st.DrawFn, number: int) -> Standing:
    known: dict[str, Any] = {
        "arr": draw(st.none() | st.floats(0, 1e7, allow_nan=False)),
        "currency": draw(st.sampled_from(["USD", "EUR", None])),
        "renewal_at": draw(st.none() | st.integers(-100, 400).map(lambda left: NOW + timedelta(days=left))),
        "last_rating_at": draw(st.none() | days.map(ago)),
        "last_ticket_at": draw(st.none() | days.map(ago)),
        "recovered_at": draw(st.none() | days.map(ago)),
        "open": tuple(draw(st.lists(open_alerts, max_size=5))),
    }
    if draw(st.booleans()):
        known["trend"] = fallen(
            number,
            drop=draw(st.none() | st.floats(-1, 0.8, allow_nan=False)),
            evidence=draw(st.sampled_from(Evidence)),
            as_of=ago(draw(days)),
        )
    return account(number, **known)


@st.composite
def portfolios(draw: st.DrawFn) -> list[Standing]:
    return [draw(accounts(number)) for number in range(draw(st.integers(0, 12)))]


@settings(deadline=None, max_examples=60)
@given(portfolios(), st.randoms())
def test_no_fall_is_left_out_and_everything_is_shown_or_counted(portfolio: list[Standing], draw: Any) -> None:
    made = digest(*portfolio, policy=RULE)
    limit = RULE.declining_trend.drop
    falls = {
        each.customer_id
        for each in portfolio
        if each.trend
        and each.trend.drop is not None
        and round(each.trend.drop, 9) > limit
        and each.trend.evidence is not Evidence.INSUFFICIENT
    }
    listed = [item.customer_id for item in made.items if item.part is Part.FALLING]
    assert set(listed) == falls
    for part in Part:
        shown = [item.customer_id for item in made.items if item.part is part]
        assert len(set(shown)) == len(shown)
        assert part is Part.FALLING or len(shown) <= 3
        assert not made.more.get(part) or len(shown) == 3
    assert [item.part for item in made.items] == sorted((i.part for i in made.items), key=list(Part).index)
    shuffled = list(portfolio)
    draw.shuffle(shuffled)
    assert digest(*shuffled, policy=RULE) == made


@settings(deadline=None, max_examples=60)
@given(portfolios())
def test_what_it_says_reads_well(portfolio: list[Standing]) -> None:
    for item in digest(*portfolio, policy=RULE).items:
        assert item.words[0].isupper()
        assert item.words.endswith(".")
        assert "None" not in item.words
        assert item.customer_id in {customer(number) for number in range(12)}
