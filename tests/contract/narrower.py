"""What a changed JSON Schema lets in or leaves out, field by field.

Consumers are hurt where the new schema allows a value that the old one did not, producers where the old one allowed
what the new one does not; both where a field is gone. A field that is new and need not be there hurts nobody.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from tests.contract.alternatives import ANNOTATIONS, ANYTHING, Node, Schema

_LOWEST = {"minLength": False, "minItems": False, "minProperties": False, "minimum": False, "exclusiveMinimum": True}
_HIGHEST = {"maxLength": False, "maxItems": False, "maxProperties": False, "maximum": False, "exclusiveMaximum": True}
_SCHEMAS = {"items", "propertyNames"}
_COMPARED = {
    *ANNOTATIONS,
    *_LOWEST,
    *_HIGHEST,
    *_SCHEMAS,
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "enum",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "type",
}


class Role(Enum):
    """Whose programs must go on."""

    CONSUMERS = "consumers"
    PRODUCERS = "producers"


class Sort(Enum):
    """What happened to a field."""

    GONE = "gone"
    REQUIRED = "required"
    TYPE = "type"
    VALUE = "value"
    NEW_VALUE = "new value"
    BOUND = "bound"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finding:
    """One change that hurts; `path` is the field's, such as `ticket.ticket_id`, `items[].words`."""

    sort: Sort
    path: str
    said: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.path or 'the record'} {self.said}"


def findings(old: Node, new: Node, role: Role) -> Sequence[Finding]:
    """What in `new` hurts those who rely on `old`."""
    return list(dict.fromkeys(_Walk(old, new, role).compare(old, new)))


class _Walk:
    """`wide` must take every value that `narrow` allows: the old of the new for consumers, else the other way."""

    def __init__(self, old: Node, new: Node, role: Role) -> None:
        self._role = role
        self._old, self._new = Schema(old), Schema(new)
        self._known: dict[tuple[int, int], Sequence[Finding]] = {}

    def compare(self, old: Any, new: Any) -> Iterator[Finding]:
        """What differs, with paths from here."""
        olds, news = self._old.alternatives(old), self._new.alternatives(new)
        narrows, wides = (news, olds) if self._role is Role.CONSUMERS else (olds, news)
        for narrow in narrows:
            fitting = [wide for wide in wides if _fits(narrow, wide)]
            if fitting:
                yield from min((self._found(narrow, wide) for wide in fitting), key=len)
            else:
                yield from self._unknown(narrow, wides)

    def _found(self, narrow: Node, wide: Node) -> Sequence[Finding]:
        key = id(narrow), id(wide)
        if key not in self._known:
            self._known[key] = ()  # a schema inside itself: what differs is found further out
            old, new = (wide, narrow) if self._role is Role.CONSUMERS else (narrow, wide)
            self._known[key] = list(self._one(old, new))
        return self._known[key]

    def _below(self, name: str, old: Any, new: Any) -> Iterator[Finding]:
        for each in self.compare(old, new):
            joined = each.path if not each.path or each.path.startswith("[") else f".{each.path}"
            yield replace(each, path=f"{name}{joined}")

    def _unknown(self, narrow: Node, wides: Sequence[Node]) -> Iterator[Finding]:
        """What none of `wides` takes: another type, or another kind of record."""
        kind, others = _kind(narrow), sorted({_kind(wide) for wide in wides})
        if kind in others:
            known = {name: set[str]().union(*(_tags(wide).get(name, ()) for wide in wides)) for name in _tags(narrow)}
            new = [
                (name, tag) for name, tags in _tags(narrow).items() for tag in sorted(tags - known[name]) if known[name]
            ]
            yield from (replace(self._value(tag), path=name) for name, tag in new)
            if not new:
                yield Finding(Sort.TYPE, "", f"is {kind} in one more or one less form")
        elif self._role is Role.CONSUMERS:
            yield Finding(Sort.TYPE, "", f"may now be {kind}, and was {' or '.join(others)}")
        else:
            yield Finding(Sort.TYPE, "", f"may no longer be {kind}: {' or '.join(others)} alone is taken")

    def _value(self, value: object) -> Finding:
        if self._role is Role.CONSUMERS:
            return Finding(Sort.NEW_VALUE, "", f"has the new value {json.dumps(value)}", str(value))
        return Finding(Sort.VALUE, "", f"may no longer be {json.dumps(value)}")

    def _one(self, old: Node, new: Node) -> Iterator[Finding]:
        """Two schemas without alternatives."""
        narrow, wide = (new, old) if self._role is Role.CONSUMERS else (old, new)
        if _kind(wide) == ANYTHING:
            return
        yield from self._values(narrow, wide)
        if "enum" not in narrow:
            for bounds, lower in ((_LOWEST, True), (_HIGHEST, False)):
                if _limit(narrow, bounds, lower=lower) < _limit(wide, bounds, lower=lower):
                    said = f"{_bound(old, bounds)} before, {_bound(new, bounds)} now"
                    yield Finding(Sort.BOUND, "", f"has other bounds: {said}")
            for name in sorted((narrow.keys() | wide.keys()) - _COMPARED):
                if name in wide and narrow.get(name) != wide[name]:
                    said = f"{json.dumps(old.get(name))} before, {json.dumps(new.get(name))} now"
                    yield Finding(Sort.OTHER, "", f"has another {name}: {said}")
        yield from self._fields(old, new)
        for name in sorted(_SCHEMAS & (old.keys() | new.keys())):
            yield from self._below("[]", old.get(name, True), new.get(name, True))
        for place, (was, now) in enumerate(_pairs(old, new, "prefixItems")):
            yield from self._below(f"[{place}]", was, now)

    def _values(self, narrow: Node, wide: Node) -> Iterator[Finding]:
        if "enum" not in wide:
            return
        if "enum" not in narrow:
            said = "may now have any value" if self._role is Role.CONSUMERS else "may no longer have any value"
            yield Finding(Sort.VALUE, "", f"{said}, not only {json.dumps(wide['enum'])}")
            return
        yield from (self._value(value) for value in narrow["enum"] if value not in wide["enum"])

    def _fields(self, old: Node, new: Node) -> Iterator[Finding]:
        was, now = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_now = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(was.keys() - now.keys()):
            yield Finding(Sort.GONE, name, "is gone")
        if self._role is Role.CONSUMERS:
            for name in sorted((needed_before - needed_now) & now.keys()):
                yield Finding(Sort.REQUIRED, name, "was always there, and need not be any more")
        else:
            for name in sorted(needed_now - needed_before):
                yield Finding(Sort.REQUIRED, name, "must be there now")
        for name in sorted(was.keys() & now.keys()):
            yield from self._below(name, was[name], now[name])
        rest_before, rest_now = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if rest_now is False is not rest_before:
            yield Finding(Sort.GONE, "", "takes no unknown fields any more")
        elif isinstance(rest_before, Mapping) or isinstance(rest_now, Mapping):
            yield from self._below("*", rest_before, rest_now)
        patterns_before, patterns_now = old.get("patternProperties", {}), new.get("patternProperties", {})
        for pattern in patterns_before.keys() - patterns_now.keys():
            yield Finding(Sort.GONE, f"/{pattern}/", "is gone")
        for pattern in patterns_before.keys() & patterns_now.keys():
            yield from self._below(f"/{pattern}/", patterns_before[pattern], patterns_now[pattern])


def _kind(node: Node) -> str:
    return str(node.get("type", ANYTHING))


def _fits(narrow: Node, wide: Node) -> bool:
    kinds = _kind(narrow), _kind(wide)
    if kinds[0] != kinds[1] and kinds[1] != ANYTHING and kinds != ("integer", "number"):
        return False
    # Kinds of records are told apart by a field with other values, such as event_type.
    mine, theirs = _tags(narrow), _tags(wide)
    return not any(mine[name].isdisjoint(theirs[name]) for name in mine.keys() & theirs.keys())


def _tags(node: Node) -> Mapping[str, set[str]]:
    """The fields that must be one of a few texts, and those."""
    given = {
        name: {each["const"]} if "const" in each else set(each.get("enum", ()))
        for name, each in node.get("properties", {}).items()
        if isinstance(each, Mapping) and each.get("type") == "string"
    }
    return {name: values for name, values in given.items() if values}


def _limit(node: Node, bounds: Mapping[str, bool], *, lower: bool) -> tuple[float, bool]:
    """How much is left out at one end: the greater, the more."""
    sign = 1 if lower else -1
    return max(
        ((sign * node[name], strict) for name, strict in bounds.items() if name in node), default=(-float("inf"), False)
    )


def _bound(node: Node, bounds: Mapping[str, bool]) -> str:
    return ", ".join(f"{name} {node[name]}" for name in bounds if name in node) or "none"


def _pairs(old: Node, new: Node, name: str) -> Iterator[tuple[Any, Any]]:
    was, now = old.get(name, ()), new.get(name, ())
    for place in range(max(len(was), len(now))):
        yield (was[place] if place < len(was) else True), (now[place] if place < len(now) else True)
