"""Do the tests in a workflow file hold? Each gives an alert, and the workflow is asked for its steps."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from schemas import alert_fields, template
from schemas.alert import Alert, Evidence, Kind, Severity, Status, alert_id
from schemas.customer import Customer
from schemas.delivery import Step
from schemas.digest import Digest, parse, read
from schemas.duration import written
from schemas.event import Ticket
from schemas.part import Location
from schemas.policy import Policy
from schemas.workflow import Expected, Rehearsal, Workflow, merged
from schemas.yaml_file import words
from streams.memory import MemoryStates
from streams.pipeline import Pipeline
from streams.route import steps

_CUSTOMER = "00000000-0000-4000-8000-000000000001"
_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
_PERSON = {"name": "Test CSM", "email": "csm@example.com"}
_ACCOUNT = {"customer_id": _CUSTOMER, "name": "Test customer"}

Mistake = tuple[Location, str]
"""Where in the test, and what is wrong."""


@dataclass(slots=True)
class _Line:
    offset: int
    timestamp: int
    value: bytes | None
    timestamp_type: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class _Unusable(Exception):
    def __init__(self, place: Location, text: str) -> None:
        super().__init__(text)
        self.place = place


def rehearse(workflow: Workflow, test: Rehearsal, policy: Policy) -> list[Mistake]:
    """What is not as the test expects; nothing: it holds."""
    try:
        alerts = list(_alerts(workflow, test, policy))
    except _Unusable as bad:
        return [(bad.place, str(bad))]
    found = [(each, alert) for alert in alerts for each in steps(alert, [workflow])]
    owed = [(each, alert) for each, alert in found if not (each.delay and set(each.unless) & set(test.done))]
    wanted, got = [each.id for each in test.expect], [_id(each) for each, _ in owed]
    if wanted != got:
        return [(("expect",), f"expected {_listed(wanted)}, the workflow gives {_listed(got)}")]
    return [
        (("expect", place), text)
        for place, (expected, (step, alert)) in enumerate(zip(test.expect, owed, strict=True))
        for text in _differences(expected, step, alert)
    ]


def _alerts(workflow: Workflow, test: Rehearsal, policy: Policy) -> Iterator[Alert | Digest]:
    if isinstance(test.given, tuple):
        yield from _judged(test, policy)
    else:
        yield _made(workflow.trigger.kind, test.given)


def _judged(test: Rehearsal, policy: Policy) -> list[Alert]:
    """The alerts that the policy makes of the events, each as it is in the end."""
    lines = []
    for number, given in enumerate(test.given):
        at = _AT + timedelta(minutes=number)
        defaults = {
            "event_type": "support_csat_received",
            "event_id": f"TEST-{number + 1}",
            "customer_id": _CUSTOMER,
            "ticket_id": f"TEST-{number + 1}",
        }
        event = defaults | {"responded_at": at} | given
        value = json.dumps(event, default=_text).encode()
        lines.append(_Line(number, int(at.timestamp() * 1000), value))
    accounts = {_CUSTOMER: _account(test.customer, ("customer",))} if test.customer else {}
    outcome = Pipeline(policy, 1).process(lines, 0, MemoryStates(), accounts, None)
    if outcome.refused:
        refused = outcome.refused[0]
        raise _Unusable(("given", refused.record.offset), str(refused.error))
    alerts: dict[str, Alert] = {}
    for raised in outcome.raised:
        alert = read(raised.value)
        if isinstance(alert, Alert):
            alerts[str(alert.alert_id)] = alert
    return list(alerts.values())


def _account(given: Mapping[str, Any], place: Location) -> Customer:
    known = _ACCOUNT | ({"csm": _PERSON | given["csm"]} if isinstance(given.get("csm"), dict) else {})
    unknown = [name for name in given if name not in Customer.model_fields]
    if unknown:
        raise _Unusable((*place, unknown[0]), "is not a field of an account: check its spelling, or remove it")
    try:
        return Customer.model_validate(merged(given, known | {k: v for k, v in given.items() if k != "csm"}))
    except ValidationError as error:
        raise _Unusable(place, _first(error)) from None


def _made(kind: Kind, given: Mapping[str, Any]) -> Alert | Digest:
    """An open alert of the kind with these fields; the rest is as of a customer of whom nothing is known."""
    record = merged(_base(kind), _nested(given))
    if "customer" in record:
        record["customer"] = _account(record["customer"], ("given", "customer")).model_dump(mode="json")
    try:
        return parse(record)
    except ValidationError as error:
        raise _Unusable(("given",), _first(error)) from None


def _nested(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in an alert's own form: dotted names unfolded, an event's names of its ticket inside `ticket`."""
    made: dict[str, Any] = {}
    for name, value in given.items():
        whole = f"ticket.{name}" if name in Ticket.model_fields else "occurred_at" if name == "responded_at" else name
        if not any(each == whole or each.startswith(f"{whole}.") for each in alert_fields.shapes()):
            try:
                alert_fields.check(whole, listed=True)
            except alert_fields.UnknownField as unknown:
                raise _Unusable(("given", name), str(unknown)) from None
        *path, last = whole.split(".")
        place = made
        for part in path:
            place = place.setdefault(part, {})
        place[last] = merged(place.get(last, {}), value) if isinstance(value, dict) else value
    return made


def _base(kind: Kind) -> dict[str, Any]:
    record: dict[str, Any] = {
        "alert_id": str(alert_id(kind, _CUSTOMER, "TEST-1")),
        "revision": 1,
        "status": Status.FIRING,
        "kind": kind,
        "severity": Severity.LOW if kind is Kind.WEEKLY_DIGEST else Severity.HIGH,
        "occurred_at": _AT,
        "detected_at": _AT,
        "reasons": ["It is a test."],
        "policy": {"name": "test", "version": "1"},
    }
    if kind is Kind.WEEKLY_DIGEST:
        return record | {"csm": _PERSON, "week": "2026-W02"}
    record |= {
        "customer_id": _CUSTOMER,
        "event_id": "TEST-1",
        "response_id": "TEST-1",
        "ticket": {"ticket_id": "TEST-1"},
        "rating": 1,
        "context": {"tickets_30d": 1, "low_ratings_30d": 1},
    }
    if kind is Kind.DECLINING_TREND:
        trend = {"recent_avg": 3.2, "recent_n": 5, "baseline_avg": 4.4, "baseline_n": 12, "drop": 0.27}
        record["trend"] = trend | {"evidence": Evidence.STRONG}
    return record


def _differences(expected: Expected, step: Step, alert: Alert | Digest) -> Iterator[str]:
    if expected.after is not None and expected.after != step.delay:
        got = written(step.delay) if step.delay else "at once"
        yield f"after is {got}, expected {written(expected.after)}"
    for name, wanted in expected.config.items():
        found: object = step.config.get(name)
        if isinstance(found, str) and "{" in found:
            try:
                found = template.render(found, alert)
            except template.BadTemplate as bad:
                yield f"{name}: {bad}"
                continue
        if found != wanted:
            yield f"{name} is {found!r}, expected {wanted!r}" if name in step.config else f"it has no {name}"


def _id(step: Step) -> str:
    return step.step.rpartition("/")[2]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no step"


def _first(error: ValidationError) -> str:
    each = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in each["loc"] if part not in set(Kind))
    return f"{where}: {words(each['msg'])} (it is {each['input']!r:.80})"


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
