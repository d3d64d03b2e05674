from pathlib import Path

import pytest

from agents.workflows import workflows
from schemas.alert import Kind
from schemas.workflow_files import SHIPPED
from schemas.yaml_file import BadFile

GOOD = (SHIPPED / "support_satisfaction_response.yaml").read_text()


def test_what_ships_can_run() -> None:
    assert {each.trigger.kind for each in workflows(None)} == set(Kind)


def test_a_digest_takes_its_own_template_and_writes_to_no_customer(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD.replace("support_csat_received", "support_weekly_digest"))
    with pytest.raises(BadFile) as refused:
        workflows(tmp_path)
    said = str(refused.value)
    assert "message_template: 'support_satisfaction_drop' is not a template: write support_weekly_digest" in said
    assert "mine.yaml:22: steps.draft_follow_up.action: a digest is about no customer" in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("support_satisfaction_drop", "steps.notify_csm.config.message_template: 'nothing' is not a template"),
        ("support_satisfaction_followup", "steps.draft_follow_up.config.params.template: 'nothing' is not a template"),
    ],
)
def test_a_template_that_is_not_there_is_named_with_those_that_are(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD.replace(name, "nothing"))
    with pytest.raises(BadFile) as refused:
        workflows(tmp_path)
    assert says in str(refused.value)
    assert name in str(refused.value)
