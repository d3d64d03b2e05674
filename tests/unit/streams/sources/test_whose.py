"""Whose answer it is, and when nobody can tell."""

import pytest

from streams.sources.whose import Traces, domain_of, whose, why_not


@pytest.mark.parametrize(
    ("ticket", "person", "domain", "found"),
    [
        ("", "", "", None),
        ("a", "", "", "a"),
        ("", "a", "", "a"),
        ("", "", "a", "a"),
        ("", "", "ab", None),
        ("ab", "", "", None),
        ("ab", "a", "", "a"),
        ("ab", "", "a", "a"),
        ("ab", "", "c", None),
        ("a", "b", "", None),
        ("a", "b", "a", None),
        ("a", "ab", "b", "a"),
        ("a", "", "b", "a"),
        ("abc", "ab", "b", "b"),
        ("ab", "ab", "ab", None),
    ],
)
def test_the_traces_have_to_agree(ticket: str, person: str, domain: str, found: str | None) -> None:
    assert whose(Traces(set(ticket), set(person), set(domain))) == found


@pytest.mark.parametrize(
    ("email", "domain"),
    [("Rosa@GlobalTech.example", "globaltech.example"), ("rosa@gmail.com", None), ("rosa@GMX.de", None), (None, None)],
)
def test_a_domain_counts_where_it_is_a_companys(email: str | None, domain: str | None) -> None:
    assert domain_of(email) == domain


def test_operators_learn_what_is_missing() -> None:
    said = why_not(Traces(ticket={"a", "b"}), ticket="T-1", domain="globaltech.example")
    assert said.startswith("ticket T-1: 2 accounts; domain globaltech.example: no account.")
    assert "replay" in said
    assert "no address of a company's domain" in why_not(Traces(), ticket="T-1", domain=None)
