"""What docker-compose.yml promises can be kept: its commands, settings, files and limits."""

import re
import subprocess
from pathlib import Path

import click
import pytest

from agents.cli import program
from agents.settings import OF_SOURCE, PREFIX, Settings, load_settings
from tests.integration.deploy.compose import COMPOSE, OURS, ROOT, SERVICES

_SECRET_FILES = {
    f"{name.upper()}_FILE" for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
}
SETTINGS = {name.upper() for name in Settings.model_fields} | _SECRET_FILES
_TEXTS = [
    ROOT / name
    for name in ("docker-compose.yml", "Dockerfile", ".env.example", "README.md", "SECURITY.md", "deploy/prepare")
] + sorted((ROOT / "docs").glob("**/*.md"))


@pytest.mark.parametrize("service", sorted(OURS))
def test_each_service_runs_a_command_that_exists(service: str) -> None:
    group: click.Command = program
    for word in OURS[service]["command"]:
        assert isinstance(group, click.Group)
        found = group.get_command(click.Context(group), word)
        assert found is not None, word
        group = found
    assert not isinstance(group, click.Group)


def test_the_four_processes_are_there() -> None:
    assert {tuple(service["command"]) for service in OURS.values()} == {
        ("topics", "create"),
        ("detect",),
        ("store",),
        ("deliver",),
        ("web",),
    }


@pytest.mark.parametrize("path", _TEXTS, ids=lambda path: path.name)
def test_each_variable_that_is_named_is_a_setting(path: Path) -> None:
    named = re.findall(rf"\b{PREFIX}([A-Z][A-Z0-9_]*)\b", path.read_text(encoding="utf-8"))
    assert [name for name in named if name not in SETTINGS and not OF_SOURCE.fullmatch(name.lower())] == []


def test_the_example_of_an_env_file_is_accepted_with_every_line_switched_on(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    env = tmp_path / "env"
    env.write_text(
        re.sub(rf"^# ({PREFIX})", r"\1", text, flags=re.MULTILINE).replace("/run/secrets/kafka_password", str(secret))
    )

    settings = load_settings({}, env)

    assert settings.kafka_security_password is not None
    assert settings.kafka_security_password.get_secret_value() == "s3cret"
    assert load_settings({}, ROOT / ".env.example") == Settings()


def test_an_empty_secret_file_counts_as_not_set(tmp_path: Path) -> None:
    empty = tmp_path / "slack_bot_token"
    empty.write_text("\n")

    settings = load_settings({"CSATWATCH_SLACK_BOT_TOKEN_FILE": str(empty)}, tmp_path / "none")

    assert settings.slack_bot_token is None


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_service_has_more_rights_than_it_needs(service: str) -> None:
    found = SERVICES[service]
    assert found["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in found["security_opt"]
    assert found["user"] not in {"root", "0"}
    assert {"mem_limit", "cpus", "pids_limit"} <= found.keys()
    assert found.get("read_only") or service == "kafka"
    assert all(port.startswith("127.0.0.1:") for port in found.get("ports", []))
    assert ":latest" not in found["image"]


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - {"setup"}))
def test_each_service_says_how_it_is_and_comes_back(service: str) -> None:
    found = SERVICES[service]
    assert found["restart"] == "unless-stopped"
    assert found["healthcheck"]["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= found["healthcheck"].keys()


def test_what_must_outlive_a_container_is_on_a_volume_and_no_secret_is_in_a_variable() -> None:
    mounted = {volume.split(":")[0] for each in SERVICES.values() for volume in each.get("volumes", ())}
    assert COMPOSE["volumes"].keys() == {name for name in mounted if not name.startswith(".")}
    for each in SERVICES.values():
        secrets = [name for name in each.get("environment", {}) if re.search("PASSWORD|TOKEN|SECRET|KEY$|DSN", name)]
        assert all(name.endswith("_FILE") for name in secrets)
    assert {name for each in SERVICES.values() for name in each.get("secrets", ())} == COMPOSE["secrets"].keys()


def test_every_secret_is_made_once_and_never_again(tmp_path: Path) -> None:
    (tmp_path / "deploy" / "secrets").mkdir(parents=True)
    for name in ("deploy/prepare", ".env.example"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    prepare = ["sh", str(tmp_path / "deploy" / "prepare")]

    subprocess.run(prepare, check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "deploy" / "secrets").iterdir()}
    subprocess.run(prepare, check=True)
    again = {path.name: path.read_text() for path in (tmp_path / "deploy" / "secrets").iterdir()}

    assert made == again
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == made.keys()
    assert len(made["postgres_password"]) == 48
    assert made["postgres_dsn"] == f"postgresql://csatwatch:{made['postgres_password']}@postgres:5432/csatwatch"
    assert (tmp_path / "deploy" / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / ".env").read_text() == (tmp_path / ".env.example").read_text()


def test_the_image_installs_by_hash_and_runs_as_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    last = text[text.rindex("\nFROM ") :]
    # The lock is whole: resolving it anew would only find what it does not hold.
    assert text.count("--require-hashes --no-deps") == 2
    assert "pip" not in last
    user = re.search(r"--uid (\d+) .*\n.*\nCOPY", last) or re.search(r"--uid (\d+)", last)
    assert user is not None
    assert {service["user"] for service in OURS.values()} == {f"{user[1]}:{user[1]}"}
    assert re.search(r"^USER csatwatch$", last, re.MULTILINE)
