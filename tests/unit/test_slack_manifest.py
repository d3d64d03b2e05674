"""Does the app ask for what its calls need, and for nothing else?"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
METHOD = re.compile(r"(apps|auth|chat|conversations|files|reactions|users|views)\.[A-Za-z.]+")
SCOPES: dict[str, frozenset[str]] = {
    # From each method's page: https://docs.slack.dev/reference/methods. History needs one scope a kind of channel.
    "auth.test": frozenset(),
    "chat.delete": frozenset({"chat:write"}),
    "chat.getPermalink": frozenset(),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": frozenset({"channels:history", "groups:history", "im:history"}),
    "conversations.open": frozenset({"im:write"}),
    "conversations.replies": frozenset({"channels:history", "groups:history", "im:history"}),
    "users.info": frozenset({"users:read", "users:read.email"}),
    "users.lookupByEmail": frozenset({"users:read.email"}),
    "views.open": frozenset(),
}
"""The bot's scopes. (`users:read.email` is granted together with `users:read` only.)"""


def methods() -> Iterator[str]:
    """Every method that the program names."""
    for room in ("agents", "sinks", "web"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and METHOD.fullmatch(node.value):
                    yield node.value


def test_the_scopes_are_those_of_the_methods_that_are_called() -> None:
    manifest = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yaml").read_text(encoding="utf-8"))
    asked = manifest["oauth_config"]["scopes"]["bot"]
    called = set(methods())
    assert {"chat.postMessage", "views.open", "users.info"} <= called
    assert called <= set(SCOPES), "say which scopes the method needs"
    assert asked == sorted({scope for method in called for scope in SCOPES[method]})


def test_clicks_come_and_by_the_way_that_needs_no_address() -> None:
    settings = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yaml").read_text(encoding="utf-8"))["settings"]
    assert settings["interactivity"]["is_enabled"]
    assert settings["socket_mode_enabled"]
