"""The example in docs/workflows.md runs, and its page names what there is."""

import re
from pathlib import Path

import pytest

from agents.workflows import documents
from schemas.action import ActionKind
from schemas.filter import Condition, Filter
from schemas.policy import load_policy
from schemas.workflow import UNLESS
from streams.rehearse import rehearse
from tests.integration.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs" / "workflows.md"


@pytest.mark.runs("docs/workflows.md", "example")
def test_the_example_and_its_tests_hold(tmp_path: Path) -> None:
    (block,) = blocks(PAGE)
    (tmp_path / "example.yaml").write_text(block.text)
    (document,) = documents(tmp_path)
    assert len(document.value.tests) == 4
    for test in document.value.tests:
        assert rehearse(document.value, test, load_policy(None)) == []


def test_each_operator_and_each_excuse_is_on_the_page() -> None:
    words = set(re.findall(r"`([a-z_]+)`", PAGE.read_text()))
    operators = {info.alias or name for model in (Condition, Filter) for name, info in model.model_fields.items()}
    assert operators <= words
    assert set(UNLESS) <= words
    assert {kind for kinds in UNLESS.values() for kind in kinds} <= set(ActionKind)
