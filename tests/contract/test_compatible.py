"""Is every change of a schema that would hurt somebody's program found, and no other?"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas.alert import SCHEMA_VERSION
from schemas.export import documents
from tests.contract.compatible import ROLES, ROOT, mistakes, released

Schema = dict[str, Any]
Change = Callable[[Schema], object]
RELEASED = released(SCHEMA_VERSION)
ALERT, EVENT, TICKET = "Alert", "CsatReceived", "Ticket"


def fields(schema: Schema, model: str = "") -> Schema:
    found: Schema = schema["$defs"][model]["properties"] if model else schema["properties"]
    return found


def needed(schema: Schema, model: str) -> list[str]:
    found: list[str] = schema["$defs"][model]["required"]
    return found


def found(file: str, change: Change, changelog: str = "## [Unreleased]\n") -> list[str]:
    schema = json.loads(RELEASED[file])
    change(schema)
    return list(mistakes(RELEASED, {**RELEASED, file: json.dumps(schema)}, changelog))


def test_what_the_models_say_now_hurts_nobody() -> None:
    assert RELEASED.keys() == documents().keys() == ROLES.keys()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert list(mistakes(RELEASED, documents(), changelog)) == []


HURTS: dict[str, tuple[str, Change, str]] = {
    "consumers: a field is gone": (
        "alerts.json",
        lambda s: fields(s, TICKET).pop("ticket_url"),
        "ticket.ticket_url is gone",
    ),
    "consumers: a field need not be there": (
        "alerts.json",
        lambda s: needed(s, ALERT).remove("response_id"),
        "response_id was always there, and need not be any more",
    ),
    "consumers: a type is wider": (
        "alerts.json",
        lambda s: fields(s, ALERT)["revision"].update(type="number"),
        "revision may now be number, and was integer",
    ),
    "consumers: null where there was a value": (
        "csat-trends.json",
        lambda s: fields(s).update(recent_n={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        "recent_n may now be null, and was integer",
    ),
    "consumers: any text where there were few": (
        "alerts.json",
        lambda s: s["$defs"]["Severity"].pop("enum"),
        "severity may now have any value",
    ),
    "consumers: a bound is wider": (
        "alerts.json",
        lambda s: fields(s, ALERT)["rating"].update(maximum=7),
        "rating has other bounds: maximum 5 before, maximum 7 now",
    ),
    "consumers: a bound is gone": (
        "csat-trends.json",
        lambda s: fields(s)["customer_id"].pop("pattern"),
        "customer_id has another pattern",
    ),
    "consumers: a format is another": (
        "csm-actions.json",
        lambda s: fields(s)["action_id"].update(format="uri"),
        "action_id has another format",
    ),
    "consumers: in a list": (
        "alerts.json",
        lambda s: fields(s, "Item").pop("words"),
        "items[].words is gone",
    ),
    "consumers: another key": (
        "alerts.json",
        lambda s: fields(s, "Digest")["more"].update(additionalProperties={"type": "string"}),
        "more.* may now be string, and was integer",
    ),
    "producers: a keyword that nothing is known of": (
        "customers.json",
        lambda s: fields(s)["arr"]["anyOf"][0].update(multipleOf=5),
        "arr has another multipleOf: null before, 5 now",
    ),
    "producers: a field must be there": (
        "csat-events.json",
        lambda s: needed(s, EVENT).append("feedback"),
        "feedback must be there now",
    ),
    "producers: a new field must be there": (
        "customers.json",
        lambda s: (fields(s).update(region={"type": "string"}), s["required"].append("region")),
        "region must be there now",
    ),
    "producers: a field is gone": ("csat-events.json", lambda s: fields(s, EVENT).pop("scale"), "scale is gone"),
    "producers: a bound is narrower": (
        "csat-events.json",
        lambda s: fields(s, EVENT)["ticket_subject"]["anyOf"][0].update(maxLength=80),
        "ticket_subject has other bounds: maxLength 500 before, maxLength 80 now",
    ),
    "producers: a bound is new": (
        "customers.json",
        lambda s: fields(s)["arr"]["anyOf"][0].update(exclusiveMinimum=0),
        "arr has other bounds: minimum 0 before, minimum 0, exclusiveMinimum 0 now",
    ),
    "producers: a pattern is new": (
        "customers.json",
        lambda s: fields(s)["tier"]["anyOf"][0].update(pattern="^[a-z]+$"),
        "tier has another pattern",
    ),
    "producers: a type is narrower": (
        "csat-events.json",
        lambda s: fields(s, EVENT).update(resolution_time_hours={"type": "integer"}),
        "resolution_time_hours may no longer be ",
    ),
    "producers: a value is gone": (
        "csat-events.json",
        lambda s: fields(s, EVENT)["event_type"].update(const="csat"),
        'event_type may no longer be "support_csat_received"',
    ),
    "producers: a text is one of few": (
        "csat-events.json",
        lambda s: fields(s, EVENT)["ticket_category"]["anyOf"][0].update(enum=["Billing"]),
        "ticket_category may no longer have any value",
    ),
    "producers: unknown fields are refused": (
        "customers.json",
        lambda s: s.update(additionalProperties=False),
        "the record takes no unknown fields any more",
    ),
    "files: a value is gone": (
        "policy.schema.json",
        lambda s: s["$defs"]["Severity"]["enum"].remove("low"),
        'may no longer be "low"',
    ),
}


@pytest.mark.parametrize("name", HURTS)
def test_what_hurts_is_found_with_its_place_and_what_to_do(name: str) -> None:
    file, change, said = HURTS[name]
    mistaken = found(file, change)
    assert mistaken
    for each in mistaken:
        assert each.startswith(f"{file}: ")
        assert "raise SCHEMA_VERSION" in each
    assert any(said in each for each in mistaken), mistaken


def test_a_schema_that_is_gone_is_found() -> None:
    rest = {name: text for name, text in RELEASED.items() if name != "alerts.json"}
    assert [each.partition(". ")[0] for each in mistakes(RELEASED, rest, "## [Unreleased]\n")] == [
        "alerts.json: it is gone"
    ]


def test_a_schema_that_is_new_is_to_be_kept() -> None:
    (said,) = mistakes(RELEASED, {**RELEASED, "more.json": "{}"}, "## [Unreleased]\n")
    assert said == "more.json: it is not among the released: `python -m tests.contract.compatible release`"


@pytest.mark.parametrize(
    ("changelog", "is_said"),
    [
        ("## [Unreleased]\n\n- `alerts`: `status` may be `reopened`.\n\n## [0.1.0]\n", True),
        ("## [Unreleased]\n\n- `alerts`: `status`\n  may be `reopened`.\n- Other.\n", True),
        ("## [Unreleased]\n\n- `alerts` and `status`.\n- `reopened`\n", False),
        ("## [Unreleased]\n\n## [0.1.0]\n\n- `alerts`: `status` may be `reopened`.\n", False),
    ],
)
def test_a_new_value_has_to_be_said(changelog: str, *, is_said: bool) -> None:
    mistaken = found("alerts.json", lambda s: s["$defs"]["Status"]["enum"].append("reopened"), changelog)
    if is_said:
        assert mistaken == []
    else:
        (said,) = mistaken
        assert said == (
            'alerts.json: status has the new value "reopened". Say so first: a line under Unreleased in CHANGELOG.md '
            "with `alerts`, `status`, `reopened`"
        )


def test_a_new_kind_of_record_has_to_be_said() -> None:
    def add(schema: Schema) -> None:
        kind = {"type": "string", "const": "kudos"}
        schema["oneOf"].append({"type": "object", "properties": {"kind": kind}, "required": ["kind"]})

    (said,) = found("alerts.json", add)
    assert said.startswith('alerts.json: kind has the new value "kudos". Say so first')
    assert found("alerts.json", add, "## [Unreleased]\n\n- `alerts`: `kind` may be `kudos`.\n") == []


def _rename(schema: Schema) -> None:
    text = json.dumps(schema["$defs"]).replace("#/$defs/Ticket", "#/$defs/TheTicket")
    schema["$defs"] = json.loads(text)
    schema["$defs"]["TheTicket"] = schema["$defs"].pop("Ticket")


def _inline(schema: Schema) -> None:
    fields(schema, ALERT)["severity"] = schema["$defs"]["Severity"]


HARMLESS: dict[str, tuple[str, Change]] = {
    "a new field for consumers": ("alerts.json", lambda s: fields(s, ALERT).update(mood={"type": "string"})),
    "a new field that may be there": ("csat-events.json", lambda s: fields(s, EVENT).update(mood={"type": "string"})),
    "a new field in a file": ("policy.schema.json", lambda s: fields(s).update(mood={"type": "string"})),
    "a new kind of event": (
        "csat-events.json",
        lambda s: s["oneOf"].append({"type": "object", "properties": {"event_type": {"const": "reopened"}}}),
    ),
    "other words": ("alerts.json", lambda s: fields(s, ALERT)["rating"].update(description="1 to 5", title="R")),
    "always there for consumers": ("alerts.json", lambda s: needed(s, ALERT).append("silent")),
    "not needed of producers": ("csat-events.json", lambda s: needed(s, EVENT).remove("ticket_id")),
    "wider for producers": (
        "csat-events.json",
        lambda s: fields(s, EVENT)["ticket_subject"]["anyOf"][0].update(maxLength=5000),
    ),
    "narrower for consumers": ("alerts.json", lambda s: fields(s, ALERT)["rating"].update(maximum=2)),
    "fewer values for consumers": ("alerts.json", lambda s: s["$defs"]["Severity"]["enum"].remove("low")),
    "more values for a file": ("policy.schema.json", lambda s: s["$defs"]["Severity"]["enum"].append("none")),
    "never null for consumers": ("csat-trends.json", lambda s: fields(s)["drop"].update(anyOf=[{"type": "number"}])),
    "another name inside": ("alerts.json", _rename),
    "written in place": ("alerts.json", _inline),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_hurts_nobody_is_let_through(name: str) -> None:
    file, change = HARMLESS[name]
    assert found(file, change) == []
