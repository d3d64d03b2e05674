"""Which texts mention the same thing? By their words alone: deterministic, and nothing to download. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MENTIONS = 3
"""Texts that must share a term to be a group."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")  # noqa: RUF001 - both apostrophes are written
_SHORTEST = 3
_PAIR_STANDS_FOR = 0.6  # of its word's texts: then the pair says more and loses little

_STOP = frozenset(  # English and German
    """
    about after again against all also although always and another any anything are around ask asked back
    because been before being best better between both but call came can cannot come could couldn customer day
    days did didn does doesn doing done don down each either else enough even ever every everything far few
    finally first for four from gave get gets getting give given go goes going gone good got great had has hasn
    have haven having her here him his hour hours how however into isn issue issues its itself just keep keeps
    kept know last later least less let like little long longer look lot made make many may maybe mean might
    minutes month months more most much must never new next nobody none not nothing now off often once one only
    other our out over own people please poor problem problems put quite rather really reply said same say says
    see seen several she should since some somebody someone something still such support sure take taken takes
    team than thank thanks that the their them then there these they thing things think this those though three
    through ticket tickets time times told too took tried try trying two under until upon use used very via want
    wanted was wasn way week weeks well went were what when where whether which while who whole whose why will
    with within without won work worked working works would wrong year yet you your aber alle alles als also
    auch auf aus bei beim bin bis bitte das dass dem den der des die diese dieser doch dort durch ein eine einem
    einen einer eines erst etwas für gar habe haben hat hatte hier ich ihr immer ist ja kann kein keine können
    leider man mehr mein mich mir mit nach nicht nichts noch nur ob oder ohne schon sehr sein seit sich sie sind
    so support tage über um und uns unser vom von vor war waren warum was wenn wer wie wir wird wurde zu zum zur
    """.split()  # noqa: SIM905 - a list with a line a word says no more
)


@dataclass(frozen=True, slots=True)
class Group:
    """Texts that mention one thing.

    Attributes:
        term: one word or two, as they are written most often.
        texts: the places of the texts among those that were given.
    """

    term: str
    texts: tuple[int, ...]


def groups(texts: Sequence[str], most: int = 10) -> Sequence[Group]:
    """The largest groups first; a text is in one of them at most.

    A term counts once a text. Two words beside each other are taken before one of them where most texts with the word
    have both.
    """
    every: defaultdict[tuple[str, ...], set[int]] = defaultdict(set)
    written: defaultdict[tuple[str, ...], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for place, text in enumerate(texts):
        for term, words in _terms(text):
            every[term].add(place)
            written[term][words] += 1
    holders = {term: held for term, held in every.items() if len(held) >= MENTIONS}
    found: list[Group] = []
    while len(found) < most and (best := _best(holders)) is not None:
        taken = holders[best]
        found.append(Group(_usual(written[best]), tuple(sorted(taken))))
        for term in list(holders):
            left = holders[term] - taken
            if len(left) >= MENTIONS:
                holders[term] = left
            else:
                del holders[term]
    return found


def _best(holders: Mapping[tuple[str, ...], set[int]]) -> tuple[str, ...] | None:
    if not holders:
        return None
    # The most texts, then the longer term, then the alphabet.
    best = min(holders, key=lambda term: (-len(holders[term]), -len(term), term))
    if len(best) == 1:
        pairs = [term for term in holders if len(term) > 1 and best[0] in term]
        pair = min(pairs, key=lambda term: (-len(holders[term]), term), default=None)
        if pair is not None and len(holders[pair]) >= _PAIR_STANDS_FOR * len(holders[best]):
            return pair
    return best


def _terms(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each word and each pair of neighbours that says something, folded, and as it is written."""
    before: tuple[str, str] | None = None
    for match in _WORD.finditer(text):
        word = match[0].casefold()
        if len(word) < _SHORTEST or word.isdecimal() or word in _STOP or word.partition("'")[0] in _STOP:
            before = None
            continue
        folded = _folded(word)
        yield (folded,), word
        if before is not None and before[0] != folded:
            yield (before[0], folded), f"{before[1]} {word}"
        before = folded, word


def _folded(word: str) -> str:
    """Without the ending of a plural or of a possessive."""
    word = word.replace("’", "'").removesuffix("'s")  # noqa: RUF001 - both apostrophes are written
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004 - "ties" is no "ty"
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > _SHORTEST:
        return word[:-1]
    return word


def _usual(spellings: Mapping[str, int]) -> str:
    return min(spellings, key=lambda words: (-spellings[words], words))
