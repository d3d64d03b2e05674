"""The page of settings."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agents.settings import PREFIX, Settings, SourceSettings
from docs.generator.schema_tables import Node, cell, value

_INTRO = """\
# Settings

They come from the environment and from `.env` in the working directory. The environment wins, and what is empty counts
as not set. `csatwatch check` says what is wrong; a wrong or unknown name stops the start with exit code 2.

Each secret can be given by a file instead: `CSATWATCH_POSTGRES_DSN_FILE` names a file that holds the address of
Postgres, and so on. [Operations](../operations.md) says how they are used.

Where a name holds `SOURCE_NAME`, `NAME` stands for the survey tool's in capitals: `CSATWATCH_SOURCE_ZENDESK_SECRET`.
"""
_GROUPS = {
    "kafka": "Kafka",
    "postgres": "Postgres",
    "slack": "Slack",
    "smtp": "E-mail",
    "tasks": "Task systems",
    "sources": "Survey tools",
    "source": "Survey tools",
    "oidc": "Sign-in",
    "session": "Sign-in",
    "sign": "Sign-in",
}
"""The first word of a setting's name → the heading that it stands below."""
_REST = "The rest"
_DOCS = Path(__file__).parents[1]
_NO_SIGN_IN = {"session_timeout_seconds"}


def settings() -> Iterator[str]:
    """Every setting, with its values and its default."""
    yield _INTRO
    described = Settings.model_json_schema()
    groups: dict[str, list[str]] = {}
    for name, field, node in _fields(described):
        group = _REST if name in _NO_SIGN_IN else _GROUPS.get(name.partition("_")[0], _REST)
        shown = _value(described, node)
        words = cell(_linked(field.description or ""))
        groups.setdefault(group, []).append(
            f"| `{PREFIX}{name.upper()}` | {shown} | {_default(field.default)} | {words} |"
        )
    for group in (*dict.fromkeys(_GROUPS.values()), _REST):
        yield f"## {group}\n\n| setting | value | default | |\n|---|---|---|---|"
        yield from groups[group]
        yield ""


def _fields(described: Node) -> Iterator[tuple[str, FieldInfo, Node]]:
    """Each setting's name, field and schema; those of a survey tool stand below `source_name`."""
    for name, field in Settings.model_fields.items():
        if name != "source":
            yield name, field, described["properties"][name]
    for name, field in SourceSettings.model_fields.items():
        yield f"source_name_{name}", field, described["$defs"]["SourceSettings"]["properties"][name]


def _value(described: Node, node: Node) -> str:
    formats = re.findall(r'"format": "([a-z-]+)"', json.dumps(node))
    return {"password": "secret", "path": "path"}.get(*formats[:1] or [""]) or re.sub(
        r" like `[^`]*`", "", value(described, node)
    )


def _default(given: object) -> str:
    if given is None or given is PydanticUndefined or given == "":
        return ""
    if isinstance(given, SecretStr):
        given = given.get_secret_value()
    return f"`{str(given).lower() if isinstance(given, bool) else given}`"


def _linked(text: str) -> str:
    """`docs/sign-in.md` as a link from docs/reference, by the page's own title."""

    def link(found: re.Match[str]) -> str:
        title = (_DOCS / f"{found[1]}.md").read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        return f"[{title}](../{found[1]}.md)"

    return re.sub(r"docs/([\w-]+)\.md", link, text)
