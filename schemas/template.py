"""Templates over an alert, such as a task's title: a small, safe part of Jinja.

Allowed are text, `{{dotted.field}}` and `{% if %}` with comparisons. No filters, calls, loops or arithmetic: a sandbox
alone does not stop `{{"a"*300000000}}`, so a template is checked against what is allowed before it is compiled.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from schemas import alert_fields
from schemas.alert import Alert
from schemas.digest import Digest

LONGEST = 20_000
"""Characters of a template."""

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.If,
    nodes.Not,
    nodes.And,
    nodes.Or,
    nodes.Compare,
    nodes.Operand,
)


_LINES = alert_fields.names() - {"feedback"}  # one line each: a name must not begin a line of its own


class BadTemplate(ValueError):
    """A template that cannot be used; the text names the place and the fix."""


class _Unknown(str):
    """Stands for a value that is not known: reads well where it is shown, and is false in a condition."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def _never(self, other: object) -> bool:
        del other
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _never


def check(text: str, extra: frozenset[str] = frozenset()) -> None:
    """Raises `BadTemplate` unless every field is one of an alert, or of `extra`, and nothing else is done with it."""
    if len(text) > LONGEST:
        raise BadTemplate(f"the template has {len(text)} characters: at most {LONGEST} are allowed")
    try:
        tree = _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as error:
        raise BadTemplate(f"line {error.lineno}: {error.message}") from None
    for node in _walk(tree):
        if not isinstance(node, _ALLOWED):
            raise BadTemplate(
                f"line {node.lineno}: {type(node).__name__.lower()} is not allowed in a template: "
                "use {{field}} and {% if field %} alone"
            )
        if isinstance(node, nodes.Name | nodes.Getattr):
            name = _dotted(node)
            if name not in extra:
                try:
                    alert_fields.check(name)
                except alert_fields.UnknownField as unknown:
                    raise BadTemplate(f"line {node.lineno}: {unknown}") from None


def render(text: str, alert: Alert | Digest, extra: Mapping[str, object] | None = None) -> str:
    """`text`, which passed `check`, filled from `alert` and `extra` (dotted names and their values).

    A value that is not known reads as "unknown ticket category", a customer without a name as "customer 1b9d0c2e…".
    Raises `BadTemplate` where a comparison does not fit its values.
    """
    values: dict[str, object] = {name: _of(alert, name) for name in alert_fields.names()} | dict(extra or {})
    for name, value in values.items():
        if value is None or value == "":
            values[name] = _Unknown(_stand_in(name, alert))
        elif type(value) is str and name in _LINES:
            values[name] = " ".join(value.split())
    try:
        return str(_compiled(text).render(_nested(values)))
    except TypeError:
        raise BadTemplate("a comparison in it does not fit the values: compare numbers with numbers") from None


def _of(alert: Alert | Digest, name: str) -> object:
    found: object = alert
    for part in name.split("."):
        found = getattr(found, "schema_version" if part == "schema" else part, None)
    return found


def _show(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}".rstrip("0")
    return value


_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    finalize=_show,
    autoescape=False,  # plain text: each destination escapes in its own way
    trim_blocks=True,
    lstrip_blocks=True,
)
# What every environment offers of itself (range, dict, lipsum, …) is nothing that a template needs.
_ENVIRONMENT.globals.clear()


@lru_cache(maxsize=256)
def _compiled(text: str) -> Any:  # noqa: ANN401 (jinja2's Template, whose render is untyped)
    return _ENVIRONMENT.from_string(text)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """`node` and what is in it; a dotted name counts as one."""
    yield node
    if not isinstance(node, nodes.Getattr):
        for child in node.iter_child_nodes():
            yield from _walk(child)


def _dotted(node: nodes.Node) -> str:
    parts: list[str] = []
    while isinstance(node, nodes.Getattr):
        parts.append(node.attr)
        node = node.node
    if not isinstance(node, nodes.Name):
        raise BadTemplate(f"line {node.lineno}: only a field of the alert can stand before a dot")
    return ".".join((node.name, *reversed(parts)))


def _nested(values: Mapping[str, object]) -> dict[str, object]:
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return {name: _namespace(value) for name, value in tree.items()}


def _namespace(value: object) -> object:
    if isinstance(value, dict):
        return SimpleNamespace(**{name: _namespace(inner) for name, inner in value.items()})
    return value


def _stand_in(name: str, alert: Alert | Digest) -> str:
    if name == "customer.name" and isinstance(alert, Alert):
        return f"customer {alert.customer_id[:8]}…"
    path = name.split(".")
    subject = path[-1] if path[-1].startswith(f"{path[0]}_") else " ".join(path)
    return f"unknown {subject.replace('_', ' ')}"
