"""What follows from a click or a form? Pure: what is known of the alert, and the time, are arguments."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic import ValidationError

from schemas.action import Action, ActionKind
from sinks.slack import action_ids as ids
from sinks.slack import modals
from sinks.slack.deeds import moment, person
from sinks.slack.escape import link, mrkdwn_line
from sinks.slack.support import CHANNEL
from streams.acting import may_act
from streams.slots import call_slots
from web.slack.known import House, Known, Who
from web.slack.outcome import Do, Mend, Open, Say, action
from web.slack.payload import Click, Form
from web.slack.submitted import of_form

_NAMESPACE = UUID("3f4f0a0e-52c5-5c4c-9d0c-7b8f6c1f5a90")
_ONLY_OPEN = "This alert is over: the customer changed the answer, or the average is back. Nothing was done."
_NOT_KNOWN = "This alert is not known here any more. Nothing was done."
_FOREIGN = (
    "This alert is for the customer's CSM, their deputy and the managers. Nothing was done. "
    "An operator can add you to CSATWATCH_SLACK_MANAGERS."
)


def decide(event: Click | Form, known: Known | None, who: Who, house: House, now: datetime) -> Do | Open | Say | Mend:
    """The one thing that follows."""
    if known is None:
        return Say(_NOT_KNOWN)
    if not may_act(who.actor, known.alert, house.policy, house.rights):
        return Say(_FOREIGN, refused=True)
    if not known.alert.status.open and event.asked not in {ids.FOLLOWED_UP, ids.NOT_USEFUL}:
        return Say(_ONLY_OPEN)
    try:
        if isinstance(event, Form):
            return of_form(event, known, who, house, now)
        return _of_click(event, known, who, house, now)
    except ValidationError:
        return Say("Something in it cannot be used. Nothing was done.")


def _of_click(click: Click, known: Known, who: Who, house: House, now: datetime) -> Do | Open | Say:
    purpose = modals.Purpose(alert_id=click.alert_id, channel=click.channel)
    match click.asked:
        case ids.ACKNOWLEDGE:
            return _marked(ActionKind.ACKNOWLEDGED, click, known, who, now)
        case ids.FOLLOWED_UP:
            return _marked(ActionKind.FOLLOWED_UP, click, known, who, now)
        case ids.COORDINATE:
            return _coordinate(click, known, who, now)
        case ids.SEND_EMAIL:
            view = _email(purpose, known, house)
        case ids.SCHEDULE_CALL:
            view = _call(purpose, known, house, now)
        case ids.SNOOZE:
            view = modals.snooze_form(purpose)
        case _:
            view = modals.useful_form(purpose)
    return Open(view)


def _marked(kind: ActionKind, click: Click, known: Known, who: Who, now: datetime) -> Do | Say:
    if (earlier := known.last(kind)) is not None:
        return Say(f"{_did(earlier)} already. Nothing more was done.")
    return Do(action(_of_button(click, known), kind, known.alert, who, now))


def _coordinate(click: Click, known: Known, who: Who, now: datetime) -> Do | Say:
    customer = known.alert.customer
    channel = customer.support_channel if customer else None
    if channel is None or not CHANNEL.fullmatch(channel):
        return Say(
            "The customer's account names no Slack channel of Support: its field `support_channel` has to hold a "
            "channel's id, like C0123456789. Nothing was done."
        )
    if (earlier := known.last(ActionKind.COORDINATED)) is not None:
        where = f" {link(earlier.link, 'Go there')}" if earlier.link else ""
        return Say(f"{_did(earlier)} already.{where}")
    return Do(action(_of_button(click, known), ActionKind.COORDINATE_REQUESTED, known.alert, who, now))


def _email(purpose: modals.Purpose, known: Known, house: House) -> dict[str, Any]:
    draft, notes = known.draft, []
    if (sent := known.last(ActionKind.EMAIL_SENT, ActionKind.WORKFLOW_EMAIL_SENT)) is not None:
        notes.append(f":warning: {_did(sent)}. This one would be another.")
    elif (unsure := known.last(ActionKind.EMAIL_UNKNOWN, ActionKind.WORKFLOW_EMAIL_UNKNOWN)) is not None:
        notes.append(f":warning: {_did(unsure)}. Look for it among your sent mail before you send it again.")
    to = draft.to if draft else known.reached
    return modals.email_form(
        purpose.model_copy(
            update={
                "to": to if to and to.email else None,
                "draft_id": UUID(draft.draft_id) if draft else None,
                "draft_version": draft.version if draft else None,
            }
        ),
        subject=draft.subject if draft else "",
        body=draft.body if draft else "",
        notes=notes,
        why_not=None if house.mails else "No mail server is set up: it cannot be sent from here.",
    )


def _call(purpose: modals.Purpose, known: Known, house: House, now: datetime) -> dict[str, Any]:
    alert = known.alert
    zone = house.zone(alert)
    notify = house.policy.notify
    slots = [(at, f"{at.astimezone(zone):%a %-d %b, %H:%M}") for at in call_slots(notify, zone, now)]
    return modals.call_form(
        purpose.model_copy(update={"to": known.reached, "time_zone": zone.key}),
        slots=slots,
        minutes=notify.calls.minutes,
        subject=f"Your support request {alert.ticket.ticket_id}",
        why_not=None if house.mails else "No mail server is set up: no invitation can be sent from here.",
    )


def _of_button(click: Click, known: Known) -> UUID:
    # A double click, and Slack's own repeat, meet the same revision. What failed can be asked for again.
    failed = sum(each.kind is ActionKind.COORDINATION_FAILED for each in known.done)
    name = f"click|{click.channel}|{click.message_ts}|{click.asked}|{known.alert.revision}|{failed}"
    return uuid5(_NAMESPACE, name)


def _did(action: Action) -> str:
    what = {
        ActionKind.ACKNOWLEDGED: "acknowledged this",
        ActionKind.FOLLOWED_UP: "marked this as followed up",
        ActionKind.COORDINATED: "passed this on to Support",
        ActionKind.EMAIL_SENT: "had a follow-up e-mail sent",
        ActionKind.EMAIL_UNKNOWN: "had a follow-up e-mail sent, and it is not known whether it went out",
        ActionKind.WORKFLOW_EMAIL_SENT: "sent an e-mail by itself",
        ActionKind.WORKFLOW_EMAIL_UNKNOWN: "sent an e-mail by itself, and it is not known whether it went out",
    }[action.kind]
    sent = action.kind in {ActionKind.EMAIL_SENT, ActionKind.WORKFLOW_EMAIL_SENT}
    note = f" {mrkdwn_line(action.note, 200)}" if action.note and sent else ""
    return f"{person(action.by_name or action.by)} {what}{note} on {moment(action.at)}"
