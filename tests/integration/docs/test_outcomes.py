"""The page on outcomes: its example is a policy, and its targets are those that are measured."""

import pytest
import yaml

from schemas.policy import Policy
from schemas.yaml_file import parse
from streams.outcome import ESCALATIONS, HELD, PERIOD, SATISFACTION
from streams.outcome_cases import AFTER, BEFORE, GRACE
from streams.outcome_effect import FEWEST
from tests.integration.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs" / "outcomes.md"


@pytest.mark.runs("docs/outcomes.md", "holdout")
def test_the_example_is_a_policy() -> None:
    shipped = yaml.safe_load((ROOT / "schemas" / "policy.yaml").read_text(encoding="utf-8"))
    (block,) = blocks(PAGE)
    found = parse(Policy, yaml.safe_dump(shipped | yaml.safe_load(block.text)), "example")
    assert found.outcomes.holdout.share == 0.1


def test_the_numbers_are_those_of_the_program() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for said in (
        f"{SATISFACTION:+.0%}".replace("%", " %"),
        f"\N{MINUS SIGN}{-ESCALATIONS:.0%}".replace("%", " %"),
        f"no more than {-HELD:g} of 5 lost",
        f"lasts {(GRACE + AFTER).days} days",
        f"those of the {BEFORE.days} days up to it",
        f"from day {GRACE.days} to day {(GRACE + AFTER).days}",
        f"takes {FEWEST} comparable customers",
        f"the last {PERIOD.days} days",
    ):
        assert said in text
