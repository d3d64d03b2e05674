"""Accounts that could be: companies with revenue, a CSM and a contact."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid5

from schemas.customer import Customer, Person
from schemas.event import Contact
from streams.sample import names

_NAMESPACE = UUID("b2a5c1de-7d0a-5c0b-8a44-1f4f7a8d3f02")

CSMS = tuple(
    Person(
        name=name,
        email=f"{name.split()[0].lower()}.{name.split()[1].lower()}@csatwatch.example",
        # Not everybody's Slack account is known to the CRM: the others are found by e-mail address.
        slack_user_id=f"U0CSM{number:04d}" if number % 3 else None,
    )
    for number, name in enumerate(
        (
            "Sarah Chen",
            "Marcus Webb",
            "Priya Nair",
            "Tom Becker",
            "Ines Ferreira",
            "Jonas Lindgren",
            "Amara Diallo",
            "Yuki Tanaka",
            "Elena Petrova",
            "Omar Haddad",
            "Grace Kim",
            "Lucas Moreau",
        ),
        start=1,
    )
)
"""The dozen who look after the accounts."""

# Lowest and highest annual revenue, and how many accounts of a hundred are there.
_BANDS = ((2_000, 12_000, 40), (12_000, 60_000, 35), (60_000, 180_000, 18), (180_000, 900_000, 7))
_TIERS = ("starter", "growth", "business", "enterprise")
_TIME_ZONES = (
    "America/New_York",
    "America/Los_Angeles",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Tokyo",
    "Asia/Kolkata",
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account and what its people are like.

    Attributes:
        shares: weights of the ratings 1 to 5 that its people give.
        chatter: how many tickets it opens, against an account of 1.
    """

    customer: Customer
    shares: tuple[int, int, int, int, int]
    chatter: float


def account(seed: int, number: int) -> Account:
    """The account of this number: the same however many others there are."""
    draw = random.Random(f"csatwatch account {seed} {number}")  # noqa: S311 (a made-up feed is no secret)
    name = company(draw, number)
    low, high, tier = _band(draw)
    euro = chance(draw, 0.08)
    csm = None if chance(draw, 0.03) else draw.choice(CSMS)
    deputy = draw.choice([each for each in CSMS if each != csm]) if csm and chance(draw, 0.3) else None
    arr = None if chance(draw, 0.06) else float(round(draw.uniform(low, high), -2))
    return Account(
        Customer(
            customer_id=str(uuid5(_NAMESPACE, f"{seed} {number}")),
            name=name,
            arr=arr,
            currency=None if arr is None else "EUR" if euro else "USD",
            csm=csm,
            deputy=deputy,
            primary_contact=contact(draw, name),
            tier=tier,
            time_zone=draw.choice(_TIME_ZONES),
        ),
        shares=draw.choice(((2, 2, 5, 21, 70), (2, 3, 8, 27, 60), (4, 5, 10, 31, 50), (9, 9, 17, 30, 35))),
        chatter=draw.choice((0.4, 0.7, 1.0, 1.0, 1.6, 3.0)),
    )


def accounts(seed: int, count: int) -> Iterator[Account]:
    """The first `count` accounts."""
    return (account(seed, number) for number in range(count))


def chance(draw: random.Random, share: float) -> bool:
    """Whether it is one of the share, 0 to 1."""
    return draw.random() < share


def company(draw: random.Random, number: int) -> str:
    """A company's name; two of a feed may share one, as in life, but seldom do."""
    first = names.FIRST[number % len(names.FIRST)]
    return f"{first}{draw.choice(names.SECOND)} {draw.choice(names.TRADE)}{draw.choice(names.LEGAL)}"


def contact(draw: random.Random, name: str) -> Contact:
    """Somebody at the company."""
    given, family = draw.choice(names.GIVEN), draw.choice(names.FAMILY)
    domain = "".join(c for c in name.lower().split()[0] if c.isascii() and c.isalnum())
    return Contact(
        id=f"contact-{draw.getrandbits(40):010x}",
        name=f"{given} {family}",
        email=f"{_ascii(given)}.{_ascii(family)}@{domain}.example",
        locale=draw.choice(("en-US", "en-GB", "de-DE", "fr-FR", "pt-BR")),
    )


def named_id(name: str) -> str:
    """The id of an account that is called by its name: the same for every seed."""
    return str(uuid5(_NAMESPACE, name))


def _band(draw: random.Random) -> tuple[float, float, str]:
    place = draw.choices(range(len(_BANDS)), [weight for _, _, weight in _BANDS])[0]
    low, high, _ = _BANDS[place]
    return low, high, _TIERS[place]


def _ascii(name: str) -> str:
    plain = {"ö": "o", "é": "e", "í": "i", "á": "a", "ü": "u", "ó": "o", "ë": "e"}
    return "".join(plain.get(c, c) for c in name.lower())
