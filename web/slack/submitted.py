"""What follows from a form that was sent off? Pure."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid5

from schemas.action import ActionKind
from schemas.alert import Alert
from sinks.slack import action_ids as ids
from sinks.slack import modals
from streams.reader import zone
from streams.slots import fits, snoozed_until
from web.slack.known import House, Known, Who
from web.slack.outcome import Do, Mend, Say, action
from web.slack.payload import Form

_NAMESPACE = UUID("3f4f0a0e-52c5-5c4c-9d0c-7b8f6c1f5a90")


def of_form(form: Form, known: Known, who: Who, house: House, now: datetime) -> Do | Say | Mend:
    """The one thing that follows. Raises `pydantic.ValidationError`."""
    alert, given, purpose = known.alert, form.answers, form.purpose
    action_id = uuid5(_NAMESPACE, f"form|{form.view_id}")
    match form.asked:
        case ids.SEND_EMAIL:
            if not given.get(modals.SUBJECT, "").strip():
                return Mend({modals.SUBJECT: "Write a subject."})
            return Do(
                action(
                    action_id,
                    ActionKind.EMAIL_REQUESTED,
                    alert,
                    who,
                    now,
                    to=purpose.to,
                    draft_id=purpose.draft_id,
                    draft_version=purpose.draft_version,
                    subject=given[modals.SUBJECT].strip(),
                    body=given.get(modals.BODY),
                )
            )
        case ids.SCHEDULE_CALL:
            return _scheduled(action_id, form, alert, who, house, now)
        case ids.SNOOZE:
            return _snoozed(action_id, given, alert, who, house, now)
        case _:
            kind = ActionKind.USEFUL if given.get(modals.USEFUL) == "yes" else ActionKind.NOT_USEFUL
            return Do(action(action_id, kind, alert, who, now, note=given.get(modals.NOTE)))


def _scheduled(action_id: UUID, form: Form, alert: Alert, who: Who, house: House, now: datetime) -> Do | Mend:
    given = form.answers
    zone = house.zone(alert)
    try:
        starts_at = datetime.fromisoformat(given.get(modals.STARTS_AT, ""))
        minutes = int(given.get(modals.MINUTES, ""))
    except ValueError:
        return Mend({modals.STARTS_AT: "Choose a time and a length."})
    if not given.get(modals.SUBJECT, "").strip():
        return Mend({modals.SUBJECT: "Write a subject."})
    if (wrong := fits(house.policy.notify, zone, starts_at, minutes, now)) is not None:
        return Mend({modals.STARTS_AT: f"This time {wrong}."})
    return Do(
        action(
            action_id,
            ActionKind.CALL_REQUESTED,
            alert,
            who,
            now,
            to=form.purpose.to,
            subject=given[modals.SUBJECT].strip(),
            body=given.get(modals.NOTE),
            starts_at=starts_at,
            minutes=minutes,
            time_zone=zone.key,
            place=given.get(modals.PLACE),
        )
    )


def _snoozed(
    action_id: UUID, given: Mapping[str, str], alert: Alert, who: Who, house: House, now: datetime
) -> Do | Mend:
    their_zone = who.time_zone or zone(alert, house.policy)
    choice = given.get(modals.DATE) or given.get(modals.UNTIL, "")
    field_name = modals.DATE if modals.DATE in given else modals.UNTIL
    try:
        until = snoozed_until(choice, house.policy.notify, their_zone, now)
    except ValueError:
        return Mend({field_name: "Choose for how long."})
    if until <= now:
        return Mend({field_name: "This is over: choose a later day."})
    return Do(action(action_id, ActionKind.SNOOZED, alert, who, now, snoozed_until=until))
