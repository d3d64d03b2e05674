from agents.commands.alerts import _line
from tests.alerts import alert
from tests.digests import everything


def test_an_alert_in_a_line() -> None:
    line = _line(alert().to_json())
    assert line == "2026-05-12 09:30 critical poor_rating firing: GlobalTech: Rated 1 of 5."


def test_a_digest_in_a_line() -> None:
    assert _line(everything().to_json()) == (
        "2026-05-11 09:00 weekly_digest 2026-W20: Ana Diaz: 3 falling, 1 maybe falling, 1 waiting for you, "
        "1 without an answer, 1 recovered, 1 quiet"
    )


def test_what_is_neither() -> None:
    assert _line(b"{}") == "(a record that is no alert of this version)"
