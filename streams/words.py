"""Numbers and days as people read them."""

from datetime import UTC, datetime

_ORDINALS = ("zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_TEENS = range(11, 20)
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def ordinal(n: int) -> str:
    """first, second, … tenth, 11th, 12th, … 21st."""
    if 0 <= n < len(_ORDINALS):
        return _ORDINALS[n]
    suffix = "th" if n % 100 in _TEENS else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"


def money(amount: float, currency: str | None) -> str:
    """$175,000; 20,000 SEK; 175,000 where the currency is not known."""
    shown = f"{amount:,.0f}"
    if currency is None:
        return shown
    return f"{_SIGNS[currency]}{shown}" if currency in _SIGNS else f"{shown} {currency}"


def number(value: float) -> str:
    """72, 1.5: no needless decimals, two at the most."""
    return str(value) if isinstance(value, int) else f"{value:.2f}".rstrip("0").rstrip(".")


def count(n: float, noun: str) -> str:
    """1 hour, 1.5 hours, 3 tickets."""
    return f"{number(n)} {noun}{'' if n == 1 else 's'}"


def day(at: datetime) -> str:
    """2026-05-12, of UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"
