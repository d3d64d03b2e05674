from pathlib import Path

import pytest

from schemas.alert import Kind
from schemas.workflow_files import SHIPPED, load_workflows
from schemas.yaml_file import BadFile

GOOD = (SHIPPED / "support_satisfaction_response.yaml").read_text()


def test_each_kind_ships_with_a_workflow() -> None:
    assert {workflow.trigger.kind for workflow in load_workflows(None)} == set(Kind)


def test_a_directory_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "a.yml").write_text(GOOD.replace("support_satisfaction_response", "mine"))
    (tmp_path / "README.md").write_text("not a workflow")
    assert [workflow.workflow for workflow in load_workflows(tmp_path)] == ["mine", "support_satisfaction_response"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("customer.name", "customer.nam"), ["create_task", "'customer.nam'", "customer.name?"]),
        (GOOD.replace("{{customer.name}}", '{{\\"a\\"*300000000}}'), ["create_task.config.title", "not allowed"]),
        (GOOD.replace("rating: {", "ratng: {"), ["trigger.filter", "'ratng'", "rating?"]),
        (GOOD.replace("id: create_task", "id: notify_csm"), ["notify_csm", "twice"]),
        (GOOD.replace("action: slack_dm", "action: fax"), [":11:", "'fax'", "'slack_dm', 'create_task'"]),
    ],
)
def test_a_mistake_is_named_with_its_fix(tmp_path: Path, text: str, says: list[str]) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(BadFile) as refused:
        load_workflows(tmp_path)
    for words in ("mine.yaml", *says):
        assert words in str(refused.value)


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(BadFile, match=r"b\.yaml.*a\.yaml.*give each workflow its own"):
        load_workflows(tmp_path)


def test_no_directory_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="holds no workflow"):
        load_workflows(tmp_path)
    with pytest.raises(BadFile, match="is not a directory"):
        load_workflows(tmp_path / "none")
