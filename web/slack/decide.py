"""What follows from a click or a form? Pure: what is known of the alert, and the time, are arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from schemas.action import Action, ActionKind
from schemas.alert import Alert
from schemas.event import Contact
from schemas.policy import Policy
from sinks.slack import action_ids as ids
from sinks.slack import modals
from sinks.slack.deeds import moment, person
from sinks.slack.escape import link, mrkdwn_line
from sinks.slack.support import CHANNEL
from streams.acting import Actor, Rights, may_act
from streams.reader import zone
from streams.slots import call_slots, fits, snoozed_until
from web.slack.payload import Click, Form

_NAMESPACE = UUID("3f4f0a0e-52c5-5c4c-9d0c-7b8f6c1f5a90")
_ONLY_OPEN = "This alert is over: the customer changed the answer, or the average is back. Nothing was done."
_NOT_KNOWN = "This alert is not known here any more. Nothing was done."
_FOREIGN = (
    "This alert is for the customer's CSM, their deputy and the managers. Nothing was done. "
    "An operator can add you to CSATWATCH_SLACK_MANAGERS."
)


@dataclass(frozen=True, slots=True)
class Draft:
    """The newest version of the alert's e-mail draft."""

    draft_id: str
    version: int
    to: Contact | None
    subject: str
    body: str
    status: str


@dataclass(frozen=True, slots=True)
class Known:
    """An alert, and what was done with it.

    Attributes:
        done: the actions so far, in their order.
    """

    alert: Alert
    draft: Draft | None = None
    done: Sequence[Action] = ()

    def last(self, *kinds: ActionKind) -> Action | None:
        """The last action of these kinds."""
        return next((each for each in reversed(self.done) if each.kind in kinds), None)


@dataclass(frozen=True, slots=True)
class Who:
    """Who clicked, as far as Slack says.

    Attributes:
        time_zone: the one that they live by.
    """

    actor: Actor
    name: str | None = None
    time_zone: ZoneInfo | None = None

    @property
    def by(self) -> str:
        """As an action says it."""
        return self.actor.email or self.actor.slack_user_id


@dataclass(frozen=True, slots=True)
class House:
    """What the installation is like; `mails`: a mail server is set."""

    policy: Policy
    rights: Rights = field(default_factory=Rights)
    mails: bool = True


@dataclass(frozen=True, slots=True)
class Do:
    """An action to be published."""

    action: Action


@dataclass(frozen=True, slots=True)
class Open:
    """A form to be opened."""

    view: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Say:
    """Words for who clicked alone; nothing is done. `refused`: they may not."""

    text: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Mend:
    """What is wrong in a form, by field."""

    errors: Mapping[str, str]


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
            return _of_form(event, known, who, house, now)
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
    return Do(_action(_of_button(click, known), kind, known.alert, who, now))


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
    return Do(_action(_of_button(click, known), ActionKind.COORDINATE_REQUESTED, known.alert, who, now))


def _email(purpose: modals.Purpose, known: Known, house: House) -> dict[str, Any]:
    draft, notes = known.draft, []
    if (sent := known.last(ActionKind.EMAIL_SENT, ActionKind.WORKFLOW_EMAIL_SENT)) is not None:
        notes.append(f":warning: {_did(sent)}. This one would be another.")
    elif (unsure := known.last(ActionKind.EMAIL_UNKNOWN, ActionKind.WORKFLOW_EMAIL_UNKNOWN)) is not None:
        notes.append(f":warning: {_did(unsure)}. Look for it among your sent mail before you send it again.")
    to = draft.to if draft else _reached(known.alert)
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
    zone = _account_zone(alert, house.policy)
    notify = house.policy.notify
    slots = [(at, f"{at.astimezone(zone):%a %-d %b, %H:%M}") for at in call_slots(notify, zone, now)]
    return modals.call_form(
        purpose.model_copy(update={"to": _reached(alert), "time_zone": zone.key}),
        slots=slots,
        minutes=notify.calls.minutes,
        subject=f"Your support request {alert.ticket.ticket_id}",
        why_not=None if house.mails else "No mail server is set up: no invitation can be sent from here.",
    )


def _of_form(form: Form, known: Known, who: Who, house: House, now: datetime) -> Do | Say | Mend:
    alert, given, purpose = known.alert, form.answers, form.purpose
    action_id = uuid5(_NAMESPACE, f"form|{form.view_id}")
    match form.asked:
        case ids.SEND_EMAIL:
            if not given.get(modals.SUBJECT, "").strip():
                return Mend({modals.SUBJECT: "Write a subject."})
            return Do(
                _action(
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
            return Do(_action(action_id, kind, alert, who, now, note=given.get(modals.NOTE)))


def _scheduled(action_id: UUID, form: Form, alert: Alert, who: Who, house: House, now: datetime) -> Do | Mend:
    given = form.answers
    zone = _account_zone(alert, house.policy)
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
        _action(
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
    return Do(_action(action_id, ActionKind.SNOOZED, alert, who, now, snoozed_until=until))


def _of_button(click: Click, known: Known) -> UUID:
    # A double click, and Slack's own repeat, meet the same revision. What failed can be asked for again.
    failed = sum(each.kind is ActionKind.COORDINATION_FAILED for each in known.done)
    name = f"click|{click.channel}|{click.message_ts}|{click.asked}|{known.alert.revision}|{failed}"
    return uuid5(_NAMESPACE, name)


def _action(action_id: UUID, kind: ActionKind, alert: Alert, who: Who, now: datetime, **more: Any) -> Action:  # noqa: ANN401 (each kind has its own fields)
    return Action.model_validate(
        {
            "action_id": action_id,
            "alert_id": alert.alert_id,
            "customer_id": alert.customer_id,
            "kind": kind,
            "by": who.by,
            "by_name": who.name,
            "at": now,
            **more,
        }
    )


def _reached(alert: Alert) -> Contact | None:
    """Who answered, else the primary contact, whichever has an address."""
    primary = alert.customer.primary_contact if alert.customer else None
    return next((contact for contact in (alert.contact, primary) if contact and contact.email), None)


def _account_zone(alert: Alert, policy: Policy) -> ZoneInfo:
    named = alert.customer.time_zone if alert.customer else None
    try:
        return ZoneInfo(named) if named else zone(alert, policy)
    except (KeyError, ValueError, OSError):
        return zone(alert, policy)


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
