"""Mappings of sources: each mistake word for word, and what editors are told."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from schemas.export import file_schema
from schemas.source_files import SHIPPED, load_sources, read_sources
from schemas.yaml_file import BadFile
from streams.sources.rehearse import rehearse

GOLDEN = Path(__file__).parents[2] / "golden" / "source_mistakes"
VALIDATOR = Draft202012Validator(file_schema("source"))
NOW = datetime(2026, 5, 5, tzinfo=UTC)


def _said_of(file: Path, directory: Path) -> str:
    shutil.copy(file, directory)
    try:
        document = read_sources(directory)["tool"]
    except BadFile as bad:
        lines = str(bad).splitlines()
    else:
        lines = [
            document.mistake(("tests", place, *where), text)
            for place, test in enumerate(document.value.tests)
            for where, text in rehearse(document.value, test, NOW)
        ]
    return "".join(line.replace(f"{directory}/", "") + "\n" for line in lines)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_mistake_is_explained_by_its_line(file: Path, tmp_path: Path) -> None:
    assert _said_of(file, tmp_path) == file.with_suffix(".txt").read_text(encoding="utf-8")


def test_ones_own_stands_beside_those_that_ship_or_in_place_of_one(tmp_path: Path) -> None:
    shipped = (SHIPPED / "formbricks.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(shipped.replace("source: formbricks", "source: mine"))
    (tmp_path / "formbricks.yml").write_text(shipped.replace('version: "1"', "version: mine"))
    found = load_sources(tmp_path)
    assert set(found) == {*load_sources(None), "mine"}
    assert found["formbricks"].version == "mine"
    (tmp_path / "again.yaml").write_text(shipped)
    with pytest.raises(BadFile, match=r"formbricks\.yml:6: source: 'formbricks' is the name of again\.yaml too"):
        load_sources(tmp_path)


def test_a_directory_that_holds_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="holds no mapping"):
        load_sources(tmp_path)
    with pytest.raises(BadFile, match="is not a directory"):
        load_sources(tmp_path / "none")


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_what_ships_is_valid_and_names_the_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text))) == []
    place = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / place).resolve().name == "source.schema.json"
    assert yaml.safe_load(text)["source"] == file.stem


@pytest.mark.parametrize("name", ["fields", "scale"])
def test_an_editor_sees_the_mistake(name: str) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load((GOLDEN / f"{name}.yaml").read_text(encoding="utf-8")))
