"""The measure of the backtest, on a history that takes no time."""

from bench.backtest import measure


def test_each_way_of_running_it_has_a_row() -> None:
    text = measure(events=200, customers=5)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert text.startswith("## Backtest\n")
    assert [row.split("|")[1].strip() for row in rows] == [
        "",
        "the table",
        "the table, `--workers 2`",
        "the alerts, `--json`",
        "two policies",
        "sorted first, `--by-time`",
    ]
    assert "200 events of 5 customers" in text
