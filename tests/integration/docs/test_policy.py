"""The policy's page: what it shows is a policy, and it leaves no field of the severities out."""

import pytest
import yaml

from schemas.policy import Policy, SeverityTable
from schemas.yaml_file import parse
from tests.integration.docs.blocks import ROOT, Block, blocks

PAGE = ROOT / "docs" / "policy.md"
SHIPPED = yaml.safe_load((ROOT / "schemas" / "policy.yaml").read_text(encoding="utf-8"))


@pytest.mark.runs("docs/policy.md", "severity", "routing", "usual_levels", "keep_words_days", "overrides")
@pytest.mark.parametrize("block", [each for each in blocks(PAGE) if each.language == "yaml"])
def test_each_example_is_a_policy_once_the_rest_is_added(block: Block) -> None:
    example = yaml.safe_load(block.text)
    for name, value in example.items():
        if isinstance(value, dict):
            value.update({k: v for k, v in SHIPPED[name].items() if k not in value})
    found = parse(Policy, yaml.safe_dump(SHIPPED | example), "example")
    assert found != parse(Policy, yaml.safe_dump(SHIPPED), "shipped")


def test_each_raise_is_on_the_page() -> None:
    raises = [name for name in SeverityTable.model_fields if name.startswith("raise_")]
    assert raises
    assert [name for name in raises if f"`{name}`" not in PAGE.read_text(encoding="utf-8")] == []
