"""The settings of task systems."""

from pathlib import Path

import pytest

from agents.settings import BadSettings, load_settings
from agents.task_systems import body

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def refused(**settings: str) -> str:
    with pytest.raises(BadSettings) as bad:
        load_settings({f"CSATWATCH_TASKS_{name.upper()}": value for name, value in settings.items()}, Path("none"))
    return str(bad.value)


@pytest.mark.parametrize(
    ("system", "needs"),
    [
        ("jira", ["URL", "USER", "TOKEN", "PROJECT"]),
        ("linear", ["TOKEN", "PROJECT"]),
        ("webhook", ["URL", "SECRET"]),
    ],
)
def test_a_system_names_what_it_needs_besides(system: str, needs: list[str]) -> None:
    names = ", ".join(f"CSATWATCH_TASKS_{name}" for name in needs)
    assert refused(system=system) == f"CSATWATCH_TASKS_SYSTEM is '{system}': it needs {names} too"


def test_what_is_wrong_is_said_without_the_secret() -> None:
    assert refused(system="fax") == "CSATWATCH_TASKS_SYSTEM is 'fax': must be builtin, webhook, jira or linear"
    said = refused(system="webhook", url="https://tasks.example.com", secret="whsec_hunter2")
    assert said == "CSATWATCH_TASKS_SECRET: must be whsec_ and at least 16 random bytes in base64"


def test_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    given = {
        "CSATWATCH_TASKS_SYSTEM": "webhook",
        "CSATWATCH_TASKS_URL": "https://tasks.example.com",
        "CSATWATCH_TASKS_SECRET_FILE": str(tmp_path / "secret"),
    }
    settings = load_settings(given, Path("none"))
    assert settings.tasks_secret
    assert settings.tasks_secret.get_secret_value() == SECRET
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"title": "{{task.titel}}"}', "title: line 1: 'task.titel' is not a field"),
        ('{"a": ["{{9**9}}"]}', "a.0: line 1: pow is not allowed"),
        ('"text"', "must hold a JSON object"),
        ("{", "must be a readable file of JSON"),
    ],
)
def test_a_body_that_cannot_be_filled_is_named_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "body.json").write_text(text)
    settings = load_settings({"CSATWATCH_TASKS_BODY": str(tmp_path / "body.json")}, Path("none"))
    with pytest.raises(BadSettings) as bad:
        body(settings)
    assert str(bad.value).startswith(f"CSATWATCH_TASKS_BODY: {tmp_path / 'body.json'}: ")
    assert says in str(bad.value)
