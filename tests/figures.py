"""The figures of a backtest, made up."""

from datetime import UTC, date, datetime, timedelta

from schemas.alert import Kind
from streams.backtest.figures import (
    Csm,
    Difference,
    Escalations,
    Figures,
    Followed,
    History,
    PolicyFigures,
    TopCustomer,
    Week,
)

_POOR, _TREND = Kind.POOR_RATING, Kind.DECLINING_TREND
_MONDAY = date(2026, 1, 5)


def figures(policies: int, *, weeks: int = 8) -> Figures:
    """Of one policy or two, over some weeks from 2026-01-05 on."""
    two = policies > 1
    first = PolicyFigures(
        policy="default",
        version="1",
        alerts=1588,
        a_week=27.8,
        a_week_a_csm=10.0,
        kinds={_POOR: 1351, _TREND: 237},
        severities={"critical": 873, "high": 439, "medium": 213, "low": 63},
        evidence={_POOR: {"weak": 1351}, _TREND: {"strong": 237}},
        changes={_POOR: {"updated": 3, "retracted": 2}, _TREND: {"resolved": 211}},
        csms=[
            Csm("Ana Diaz", "ana@example.com", 1143, 20.0, 40),
            Csm(None, None, 445, 7.8, 9),
            Csm("Ben Okafor", "ben@example.com", 0, 0.0, 0),
        ],
        weeks=_weeks(weeks, 3),
        followed={_POOR: Followed(1250, 675, 215, 732, 101), _TREND: Followed(0, 0, 0, 0, 237)},
        escalations=Escalations(95, 42, 35, 18),
        customers=[
            TopCustomer("6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11", "GlobalTech", "Ana Diaz", 34),
            TopCustomer("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", None, None, 9),
        ],
        difference=Difference({_POOR: 643, _TREND: 53}, {_POOR: 279}, {_POOR: 429, _TREND: 158}) if two else None,
    )
    second = PolicyFigures(
        policy="strict",
        version="2 of spring",
        alerts=723,
        a_week=12.7,
        a_week_a_csm=5.0,
        kinds={_POOR: 643, _TREND: 80},
        severities={"critical": 500, "high": 165, "low": 63},
        evidence={_TREND: {"strong": 80}},
        changes={_TREND: {"resolved": 70}},
        csms=[
            Csm("Ana Diaz", "ana@example.com", 571, 10.0, 20),
            Csm(None, None, 152, 2.7, 5),
            Csm("Ben Okafor", "ben@example.com", 0, 0.0, 0),
        ],
        weeks=_weeks(weeks, 1),
        followed={_POOR: Followed(593, 330, 86, 350, 50), _TREND: Followed(73, 28, 1, 28, 7)},
        escalations=Escalations(95, 26, 19, 50),
        customers=[TopCustomer("6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11", "GlobalTech", "Ana Diaz", 15)],
        difference=Difference({_POOR: 643, _TREND: 53}, {_TREND: 26}, {_TREND: 1}),
    )
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    end = begin + timedelta(weeks=weeks) - timedelta(hours=1)
    history = History(20_000, 3, 300, begin, end, float(weeks), 14_000, 2_800)
    return Figures(history, 30, [first, second][:policies])


def _weeks(n: int, by: int) -> list[Week]:
    return [
        Week(_MONDAY + timedelta(weeks=i), {_POOR: {"critical": by * (i % 4), "high": 2}, _TREND: {"low": i % 3}})
        for i in range(n)
    ]
