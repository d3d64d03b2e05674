"""The policy's file: what a mistake in it says, whom an override is for, and what its published schema knows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from schemas.alert import Severity
from schemas.export import file_schema
from schemas.policy import Policy, Told
from schemas.yaml_file import BadFile, parse

SHIPPED = (Path(__file__).parents[3] / "schemas" / "policy.yaml").read_text()
ACME = "6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
OTHER = "00000000-0000-4000-8000-000000000000"
VALIDATOR = Draft202012Validator(file_schema("policy"))


def policy(old: str = "", new: str = "") -> Policy:
    assert SHIPPED.count(old) == 1 or not old
    return parse(Policy, SHIPPED.replace(old, new) if old else SHIPPED, "policy.yaml")


def overridden(text: str) -> Policy:
    return policy("overrides: []\n", f"overrides:\n{text}")


def line_of(words: str) -> int:
    return SHIPPED[: SHIPPED.index(words)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("at_most: 2 ", "at_most: 5 ", "poor_rating.at_most: must be less than or equal to 4 (it is 5)"),
        ("at_most: 2 ", "at_mots: 2 ", "poor_rating.at_mots: is not a field here: check its spelling, or remove it"),
        ("at_most: 2 ", "at_most: two ", "poor_rating.at_most: must be a whole number (it is 'two')"),
        ("drop: 0.20", "drop: 20", "declining_trend.drop: must be less than 1 (it is 20)"),
        (
            "resolved_below: 0.10",
            "resolved_below: 0.3",
            (
                "declining_trend.resolved_below: must be lower than drop, which is 0.2, or a trend would fire and be "
                "resolved at once (it is 0.3)"
            ),
        ),
        (
            "window_days: 120",
            "window_days: 100",
            "window_days: must be at least 120, the sum of declining_trend.recent_days and baseline_days (it is 100)",
        ),
        ("currency: USD", "currency: dollars", "severity.currency: is no code of a currency: write its three capital"),
        ("rates: {}", "rates: {EUR: 0}", "severity.rates.EUR: must be greater than 0 (it is 0)"),
        ("rates: {}", "rates: {eur: 1}", "severity.rates.eur: is no code of a currency: write its three capital"),
        (
            "at_least: 25000",
            "at_least: 250000",
            "severity.bands.mid.at_least: must be lower than that of enterprise, the band before: list the highest",
        ),
        ("raise_from_low_ratings: 2", "raise_from_low_ratings: 1", "must be greater than or equal to 2 (it is 1)"),
        ("within_days: 90", "within_days: soon", "raise_on_renewal_within_days: must be a whole number (it is 'soon')"),
        ("low: dm", "low: mail", "routing.low: must be 'dm', 'channel' or 'digest' (it is 'mail')"),
        ("low: dm", "low: channel", "routing.low: says channel, and none is named: add routing.channel with its id"),
        ("usual_levels: {}", "usual_levels: {overall: 7}", "usual_levels.overall: must be less than or equal to 5"),
        ("silent_after_days: 7", "silent_after_days: 7.5", "silent_after_days: must be a whole number (it is 7.5)"),
        ('version: "1"', "versoin: 1", "versoin: is not a field here: check its spelling, or remove it (it is 1)"),
    ],
)
def test_a_mistake_names_its_line_the_field_and_the_fix(old: str, new: str, says: str) -> None:
    with pytest.raises(BadFile) as refused:
        policy(old, new)
    lines = str(refused.value).splitlines()
    assert any(line.startswith(f"policy.yaml:{line_of(old)}: ") and says in line for line in lines), lines


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("name: mid,", "name: small,", "bands:", "severity.bands: is the name of another column too"),
        (
            "1: {enterprise: critical, mid: high, ",
            "1: {enterprise: critical, ",
            "1: {",
            "has no column for mid: add it",
        ),
        ("{enterprise: critical, mid", "{huge: low, enterprise: critical, mid", "1: {", "1.huge: is no band: it must"),
        ("1: {enterprise", "6: {enterprise", "1: {", "severity.poor_rating.6: must be less than or equal to 5"),
        ("  at_most: 2 ", "  at_most: 3 ", "  poor_rating:\n", "severity.poor_rating: has no row for rating 3"),
        ("policy: default\n", "", "version:", "policy: is missing: add it"),
    ],
)
def test_a_mistake_about_a_whole_part_names_where_that_begins(old: str, new: str, line: str, says: str) -> None:
    with pytest.raises(BadFile) as refused:
        policy(old, new)
    place = line_of(line) - (0 if new else old.count("\n"))
    assert f"policy.yaml:{place}: " in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("  - {poor_rating: {at_most: 1}}\n", 1, "overrides.0: is for nobody: add the tier or the customer"),
        (f"  - {{tier: gold, customer: {ACME}}}\n", 1, "overrides.0: names a tier and a customer: make two overrides"),
        ("  - {customer: acme}\n", 1, "overrides.0.customer: is no customer's id: write the UUID"),
        ("  - tier: gold\n    window_days: 3\n", 2, "overrides.0.window_days: is not a field here"),
        ("  - tier: gold\n    poor_rating:\n      at_most: 9\n", 3, "overrides.0.poor_rating.at_most: must be less"),
        ("  - tier: gold\n    poor_rating: {at_mots: 1}\n", 2, "overrides.0.poor_rating.at_mots: is not a field here"),
        ("  - tier: gold\n    poor_rating: {at_most: 3}\n", 1, "overrides.0.severity.poor_rating: has no row for rat"),
        ("  - tier: gold\n    declining_trend: {drop: 0.05}\n", 2, "resolved_below: must be lower than drop, which is"),
        (
            "  - tier: gold\n    declining_trend: {recent_days: 60}\n",
            1,
            "overrides.0.window_days: must be at least 150",
        ),
        (
            (
                "  - tier: gold\n    declining_trend: {drop: 0.15}\n"
                f"  - customer: {ACME}\n    declining_trend: {{resolved_below: 0.17}}\n"
            ),
            4,
            "overrides.1.declining_trend.resolved_below: must be lower than drop, which is 0.15",
        ),
    ],
)
def test_a_mistake_in_an_override_is_found_before_it_is_needed(text: str, line: int, says: str) -> None:
    with pytest.raises(BadFile) as refused:
        overridden(text)
    assert f"policy.yaml:{line_of('overrides: []') + line}: " in str(refused.value)
    assert says in str(refused.value)


def test_without_overrides_everybody_has_the_policy_itself() -> None:
    shipped = policy()
    assert shipped.for_customer(ACME, "enterprise") is shipped
    assert list(shipped.all_for) == [(None, None)]


def test_overrides_are_for_whom_they_name_a_later_one_over_an_earlier_one() -> None:
    found = overridden(
        "  - {tier: gold, poor_rating: {at_most: 1}, silent_after_days: 3, severity: {raise_on_escalation: false}}\n"
        f"  - {{customer: {ACME.upper()}, silent_after_days: 5, routing: {{low: digest}}}}\n"
        "  - {tier: silver, declining_trend: {drop: 0.3}}\n"
    )
    nobody, gold = found.for_customer(OTHER, None), found.for_customer(OTHER, "gold")
    acme, both = found.for_customer(ACME, None), found.for_customer(ACME, "gold")
    assert [p.poor_rating.at_most for p in (nobody, gold, acme, both)] == [2, 1, 2, 1]
    assert [p.silent_after_days for p in (nobody, gold, acme, both)] == [7, 3, 5, 5]
    assert [p.routing.of(Severity.LOW) for p in (nobody, gold, acme, both)] == [Told.DM, Told.DM] + [Told.DIGEST] * 2
    assert gold.severity == nobody.severity.model_copy(update={"raise_on_escalation": False})
    assert both.overridden_for == ("tier gold", f"customer {ACME}")
    assert nobody.overridden_for == ()
    assert found.for_customer(OTHER, "silver").declining_trend.drop == 0.3
    assert found.for_customer(OTHER, "bronze") is nobody
    assert {p.version for p in found.all_for.values()} == {"1"}


def test_a_row_of_a_table_can_be_added_by_an_override() -> None:
    row = "{enterprise: low, mid: low, small: low, unknown: low}"
    found = overridden(f"  - {{tier: gold, poor_rating: {{at_most: 3}}, severity: {{poor_rating: {{3: {row}}}}}}}\n")
    gold = found.for_customer(OTHER, "gold").severity.poor_rating
    assert gold[3]["mid"] is Severity.LOW
    assert gold[1] == found.severity.poor_rating[1]


def test_a_version_may_look_like_a_number() -> None:
    assert policy('version: "1"', "version: 2").version == "2"


def test_the_published_schema_takes_what_ships_and_its_examples() -> None:
    example = yaml.safe_load(SHIPPED)
    example["overrides"] = yaml.safe_load(
        "".join(line.removeprefix("# ") for line in SHIPPED.splitlines(keepends=True) if line.startswith("#   "))
    )
    assert len(example["overrides"]) == 2
    assert [error.message for error in VALIDATOR.iter_errors(json.loads(json.dumps(example)))] == []
    parse(Policy, yaml.safe_dump(example), "policy.yaml")


@pytest.mark.parametrize(
    "change",
    [
        {"window_dayz": 3},
        {"window_days": 0},
        {"poor_rating": {"at_most": 5}},
        {"routing": {"low": "mail"}},
        {"overrides": [{"tier": "gold", "declining_trend": {"dorp": 0.1}}]},
        {"overrides": [{"tier": "gold", "window_days": 3}]},
    ],
)
def test_the_published_schema_refuses_what_the_program_refuses(change: dict[str, Any]) -> None:
    example = json.loads(json.dumps(yaml.safe_load(SHIPPED) | change))
    assert not VALIDATOR.is_valid(example)
    with pytest.raises(BadFile):
        parse(Policy, yaml.safe_dump(example), "policy.yaml")


def test_editors_can_say_what_each_field_means() -> None:
    schema = file_schema("policy")
    told = [(name, field) for part in (schema, *schema["$defs"].values()) for name, field in _fields(part)]
    assert len(told) > 50
    bare = [name for name, field in told if "description" not in field and "$ref" not in field]
    assert [name for name in bare if name not in {"name", "email", "slack_user_id"}] == []


def _fields(part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in part.get("properties", {}).items():
        yield name, field
        yield from _fields(field)


def test_the_files_first_line_leads_to_the_schema() -> None:
    first = SHIPPED.splitlines()[0]
    path = Path(__file__).parents[3] / "schemas" / first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads(path.read_text())["$id"] == file_schema("policy")["$id"]
