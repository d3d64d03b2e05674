"""Whose answer is it, where the source does not say? By the ticket, by who answered, by the domain of their address."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

FREE_MAIL = frozenset(
    {
        *("aol.com", "duck.com", "fastmail.com", "free.fr", "gmail.com", "gmx.at", "gmx.ch", "gmx.de", "gmx.net"),
        *("googlemail.com", "hey.com", "hotmail.com", "hotmail.co.uk", "hotmail.fr", "icloud.com", "laposte.net"),
        *("libero.it", "live.com", "mac.com", "mail.com", "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr"),
        *(
            "outlook.com",
            "outlook.de",
            "pm.me",
            "proton.me",
            "protonmail.com",
            "qq.com",
            "rediffmail.com",
            "t-online.de",
        ),
        *("tutanota.com", "163.com", "126.com", "wanadoo.fr", "web.de", "yahoo.co.in", "yahoo.co.jp", "yahoo.co.uk"),
        *("yahoo.com", "yahoo.de", "yahoo.fr", "yandex.ru", "ymail.com", "zoho.com"),
    }
)
"""Domains whose addresses say nothing of where somebody works."""


@dataclass(frozen=True, slots=True)
class Traces:
    """Which customers each trace leads to, by their ids.

    Attributes:
        ticket: have a ticket of this number.
        person: have this address as their primary contact's, or as that of somebody who answered before.
        domain: have a primary contact with an address of the same domain.
    """

    ticket: Collection[str] = ()
    person: Collection[str] = ()
    domain: Collection[str] = ()


def domain_of(email: str | None) -> str | None:
    """The domain of an address, where it says where somebody works."""
    domain = email.rpartition("@")[2].lower() if email else ""
    return None if not domain or domain in FREE_MAIL else domain


def whose(traces: Traces) -> str | None:
    """The one customer that the traces leave; None: they leave none, or several, or contradict one another.

    What somebody said must never be shown to another customer's CSM: where there is doubt, a person decides.
    """
    left = _meet(set(traces.ticket), set(traces.person))
    if len(left) != 1 and not (traces.ticket and traces.person and not left):
        left = _meet(left, set(traces.domain))
    return left.pop() if len(left) == 1 else None


def why_not(traces: Traces, *, ticket: str, domain: str | None) -> str:
    """What keeps an answer from being somebody's, and the fix. For operators; without a customer's words."""
    parts = [f"ticket {ticket}: {_count(traces.ticket)}"]
    if traces.person:
        parts.append(f"who answered: {_count(traces.person)}")
    parts.append(f"domain {domain}: {_count(traces.domain)}" if domain else "no address of a company's domain")
    return f"{'; '.join(parts)}. Import the account with such a primary contact, or say whose it is, and replay"


def _meet(one: set[str], other: set[str]) -> set[str]:
    return one & other if one and other else one or other


def _count(found: Iterable[str]) -> str:
    many = len(set(found))
    return {0: "no account", 1: "one account"}.get(many, f"{many} accounts")
