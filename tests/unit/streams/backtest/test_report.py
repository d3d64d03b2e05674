from streams.backtest.figures import Figures
from streams.backtest.report import csms, customers, sections, summary
from tests.figures import figures


def rows(found: Figures) -> dict[str, tuple[list[str], str]]:
    return {f"{s.title}: {row.label}": (list(row.cells), row.change) for s in sections(found) for row in s.rows}


def test_a_figure_has_a_cell_for_each_policy_and_their_difference() -> None:
    shown = rows(figures(2))
    assert shown["Alerts: alerts"] == (["1,588", "723"], "-865")
    assert shown["Alerts: a week"] == (["27.8", "12.7"], "-15.1")
    assert shown["Severity when first raised: low"] == (["63", "63"], "=")
    assert shown["Customers that escalated: no alert before"] == (["18 of 95 (19%)", "50 of 95 (53%)"], "+34 points")
    assert shown["Poor ratings raised: by this one only"] == (["429", "0"], "")


def test_one_policy_is_not_compared() -> None:
    shown = rows(figures(1))
    assert {change for _, change in shown.values()} == {""}
    assert not any("only" in name and "raised: " in name for name in shown)


def test_a_share_of_nothing_is_no_number() -> None:
    assert rows(figures(1))["Declining trends, followed within 30 days by: either"] == (["-"], "")


def test_who_has_most_comes_first_and_who_is_not_owned_is_said() -> None:
    assert [(row.label, list(row.cells), row.change) for row in csms(figures(2)).rows] == [
        ("Ana Diaz", ["20.0 (at most 40)", "10.0 (at most 20)"], "-10.0"),
        ("unowned", ["7.8 (at most 9)", "2.7 (at most 5)"], "-5.1"),
        ("Ben Okafor", ["0.0 (at most 0)", "0.0 (at most 0)"], "="),
    ]


def test_a_customer_that_is_not_among_the_top_of_a_policy_has_fewer_there() -> None:
    assert [(row.label, row.cells) for row in customers(figures(2), 2).rows] == [
        ("GlobalTech", ["34", "15"]),
        ("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", ["9", "fewer"]),
    ]


def test_the_summary_says_what_was_left_out() -> None:
    assert summary(figures(1)) == (
        "19,997 events of 300 customers, 2026-01-05 to 2026-03-01 (8.0 weeks). 3 lines left out: no events."
    )
