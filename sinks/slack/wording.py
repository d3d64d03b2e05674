"""Numbers in words, as the message says them."""

_ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
)
_TEENS = range(11, 14)


def money(amount: float, currency: str | None) -> str:
    """An amount in whole units: "$175,000", other currencies by their code, "175,000" where none is known."""
    number = f"{amount:,.0f}"
    if currency is None:
        return number
    return f"${number}" if currency == "USD" else f"{currency} {number}"


def hours(value: float) -> str:
    """Such as "72 hours", "1 hour" or "1.5 hours"."""
    number = f"{value:,.1f}".removesuffix(".0")
    return f"{number} {'hour' if number == '1' else 'hours'}"


def count(number: int, noun: str) -> str:
    """Such as "1 ticket" or "3 tickets"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def ordinal(number: int) -> str:
    """In words up to the twentieth, then "21st", "22nd"."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    ending = "th" if number % 100 in _TEENS else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def average(value: float) -> str:
    """A mean rating to one decimal."""
    return f"{value:.1f}"


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{share:.0%}"
