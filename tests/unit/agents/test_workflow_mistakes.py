"""Each mistake in a workflow file, word for word: beside each file in tests/golden/workflows is what is said of it."""

import shutil
from pathlib import Path

import pytest

from agents.workflows import documents
from schemas.policy import load_policy
from schemas.yaml_file import BadFile
from streams.rehearse import rehearse

GOLDEN = Path(__file__).parents[2] / "golden" / "workflows"


def said_of(file: Path, directory: Path) -> str:
    """What `csatwatch check` says of the file, without its directory."""
    shutil.copy(file, directory)
    try:
        found = documents(directory)
    except BadFile as bad:
        lines = str(bad).splitlines()
    else:
        lines = [
            each.mistake(("tests", place, *where), text)
            for each in found
            for place, test in enumerate(each.value.tests)
            for where, text in rehearse(each.value, test, load_policy(None))
        ]
    return "".join(line.replace(f"{directory}/", "") + "\n" for line in lines)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_mistake_is_explained_by_its_line(file: Path, tmp_path: Path) -> None:
    assert said_of(file, tmp_path) == file.with_suffix(".txt").read_text()


def test_mistakes_of_all_files_are_said_together(tmp_path: Path) -> None:
    for name in ("steps", "texts"):
        shutil.copy(GOLDEN / f"{name}.yaml", tmp_path)
    with pytest.raises(BadFile) as refused:
        documents(tmp_path)
    assert {"steps.yaml", "texts.yaml"} <= {
        line.split(":")[0].rpartition("/")[2] for line in str(refused.value).splitlines()
    }
