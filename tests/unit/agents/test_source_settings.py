"""Settings of survey sources: by the source's name, secrets also by files, mistakes in words."""

from pathlib import Path

import pytest

from agents import sources
from agents.embedded.part import environment
from agents.settings import BadSettings, Settings, load_settings
from schemas.source_files import load_sources

_NO_FILE = Path("no.env")


def test_settings_of_a_source_are_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("the token\n")
    settings = load_settings(
        {
            "CSATWATCH_SOURCE_ZENDESK_SECRET": "dGhpc19zZWNyZXRfaXNfZm9y",
            "CSATWATCH_SOURCE_ZENDESK_URL": "https://acme.zendesk.com",
            "CSATWATCH_SOURCE_ZENDESK_USER": "sam@example.com",
            "CSATWATCH_SOURCE_ZENDESK_TOKEN_FILE": str(tmp_path / "token"),
            "CSATWATCH_SOURCE_MY_TOOL_SECRET": "x" * 16,
            "CSATWATCH_SOURCE_FRESHDESK_SECRET": "",
        },
        _NO_FILE,
    )
    zendesk = settings.source["zendesk"]
    assert zendesk.token is not None
    assert zendesk.token.get_secret_value() == "the token"
    assert (zendesk.url, zendesk.user) == ("https://acme.zendesk.com", "sam@example.com")
    assert set(settings.source) == {"zendesk", "my_tool"}
    assert "dGhpc" not in repr(settings)
    assert sources.wanted(settings)
    assert not sources.wanted(load_settings({"CSATWATCH_SOURCE_ZENDESK_URL": "https://x.example"}, _NO_FILE))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SOURCE_ZENDESK_URL", "acme.zendesk.com", "CSATWATCH_SOURCE_ZENDESK_URL: must be an http"),
        ("SOURCE_ZENDESK_URL", "https://x.example/?a=b", "CSATWATCH_SOURCE_ZENDESK_URL: must be an http"),
        ("SOURCE_ZENDESK_USER", "u" * 400, "CSATWATCH_SOURCE_ZENDESK_USER: must be of 1 to 320 characters"),
        ("SOURCE_ZENDESK_TOKEN_FILE", "/none", "CSATWATCH_SOURCE_ZENDESK_TOKEN_FILE: no readable file is at /none"),
        ("SOURCE_ZENDESK_PASSWORD", "x", "CSATWATCH_SOURCE_ZENDESK_PASSWORD is not a setting"),
        ("SOURCES_", "x", "CSATWATCH_SOURCES_ is not a setting: did you mean CSATWATCH_SOURCES?"),
    ],
)
def test_mistakes_are_named(name: str, value: str, said: str) -> None:
    with pytest.raises(BadSettings) as raised:
        load_settings({f"CSATWATCH_{name}": value}, _NO_FILE)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ZENDESK", "CSATWATCH_SOURCE_ZENDESK_SECRET: must be 16 ASCII characters or more"),
        ("FORMBRICKS", "CSATWATCH_SOURCE_FORMBRICKS_SECRET: must be whsec_"),
        ("ZENDISK", "CSATWATCH_SOURCE_ZENDISK_…: zendisk is no source: it must be one of chatwoot"),
    ],
)
def test_secrets_that_are_none_are_refused_at_the_start(name: str, said: str) -> None:
    settings = load_settings({f"CSATWATCH_SOURCE_{name}_SECRET": "too short"}, _NO_FILE)
    with pytest.raises(BadSettings) as raised:
        sources.believed(settings, load_sources(None))
    assert said in str(raised.value)
    assert "too short" not in str(raised.value)


def test_settings_are_handed_to_another_process_as_they_are() -> None:
    settings = load_settings(
        {
            "CSATWATCH_SOURCE_ZENDESK_SECRET": "x" * 16,
            "CSATWATCH_SOURCE_ZENDESK_URL": "https://acme.zendesk.com",
            "CSATWATCH_SOURCES": "/etc/mappings",
            "CSATWATCH_STATE_DIR": "/var/lib/state",
        },
        _NO_FILE,
    )
    assert load_settings(environment(settings), _NO_FILE) == settings
    assert load_settings(environment(Settings()), _NO_FILE).source == {}
