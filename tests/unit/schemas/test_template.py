from typing import Any

import pytest

from schemas import template
from tests.alerts import alert, trend

TITLE = "Follow up on poor support experience: {{customer.name}}"


def test_a_title_names_the_customer() -> None:
    assert template.render(TITLE, alert()) == "Follow up on poor support experience: GlobalTech"


def test_a_customer_without_a_name_is_named_by_the_id() -> None:
    assert template.render(TITLE, alert(customer=None)).endswith(": customer 1b9d6bcd…")


@pytest.mark.parametrize("name", ["customer.arr", "ticket.sla_hours", "trend.drop", "contact.name", "feedback"])
def test_what_is_not_known_reads_well(name: str) -> None:
    empty = alert(customer=None, feedback=None, ticket={"ticket_id": "1"})
    shown = template.render(f"{{{{{name}}}}}", empty)
    assert shown.startswith("unknown ")
    assert "None" not in shown


def test_what_is_not_known_is_false_and_larger_than_nothing() -> None:
    text = (
        "{% if ticket.sla_hours %}a{% endif %}"
        "{% if ticket.sla_hours > 3 %}b{% endif %}"
        "{% if not contact.name %}c{% endif %}"
    )
    assert template.render(text, alert(ticket={"ticket_id": "1"})) == "c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{customer.arr}}", "175,000"),
        ("{{context.previous_avg}}", "4.2"),
        ("{{occurred_at}}", "2026-05-12 09:30 UTC"),
        ("{{silent}}", "no"),
        ("{{severity}} {{rating}}", "critical 1"),
        ("{{ticket.ticket_id}}{% if rating <= 2 %}!{% endif %}", "TKT-2026-4521!"),
    ],
)
def test_values_read_as_people_write_them(text: str, shown: str) -> None:
    template.check(text)
    assert template.render(text, alert()) == shown


def test_values_are_not_templates() -> None:
    hostile = alert(feedback="{{customer.arr}}{% if")
    assert template.render("{{feedback}}", hostile) == "{{customer.arr}}{% if"


@pytest.mark.parametrize(
    "text",
    [
        '{{"a"*300000000}}',
        "{{9**9**9}}",
        "{{'a' ~ 'b'}}",
        "{{rating + 1}}",
        "{{customer.name|upper}}",
        "{{customer.name.upper()}}",
        "{{customer.name[0]}}",
        "{{range(3)}}",
        "{{[1]}}",
        "{{cycler.__init__}}",
        "{{rating.__class__}}",
        "{{().__class__}}",
        "{{('a').upper}}",
        "{% for x in reasons %}{% endfor %}",
        "{% set x = 1 %}",
        "{% include 'x' %}",
        "{% macro x() %}{% endmacro %}",
        "{{rating if rating else 1}}",
        "{{reasons}}",
        "{{customer}}",
        "{{",
        "x" * 20_001,
    ],
)
def test_what_a_template_does_not_need_is_refused(text: str) -> None:
    with pytest.raises(template.BadTemplate):
        template.check(text)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("{{customer.nmae}}", "did you mean customer.name?"),
        ("a\n{{custmer.name}}", "line 2: 'custmer.name'"),
        ("{{customer}}", "did you mean customer.arr?"),
        ("{{qqqqq}}", "name a field of the alert"),
    ],
)
def test_a_field_that_no_alert_has_is_named_with_the_fix(text: str, fix: str) -> None:
    with pytest.raises(template.BadTemplate) as refused:
        template.check(text)
    assert fix in str(refused.value)


def test_a_comparison_that_does_not_fit_is_said() -> None:
    with pytest.raises(template.BadTemplate, match="comparison"):
        template.render("{% if feedback > 3 %}{% endif %}", alert())


@pytest.mark.parametrize("example", [alert(), trend(), alert(customer=None, feedback=None)])
def test_every_field_can_be_shown(example: Any) -> None:
    from schemas import alert_fields

    for name in alert_fields.names():
        text = f"{{{{{name}}}}}"
        template.check(text)
        assert "None" not in template.render(text, example)
