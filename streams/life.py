"""The life of an alert: what fires it, updates it, retracts and resolves it, and what is kept to make it again."""

from datetime import datetime
from typing import NamedTuple, cast

from schemas.alert import Kind, Status
from schemas.customer import Customer
from schemas.wire import Alert, Contact, CsatReceived, Ticket, encode
from streams import alert as alerts
from streams import detect
from streams.answers import Mark
from streams.detect import Rules
from streams.judges import Judge
from streams.tickets import Said
from streams.track import Track, TrendAlert
from streams.validate import decode
from streams.words import count, day

_MOST_REMEMBERED = 50_000  # bytes of an event; a larger one is kept without what csatwatch does not know


class Step(NamedTuple):
    """A new revision in the life of an alert; `survey` fired it, and its id is made of that."""

    kind: Kind
    status: Status
    revision: int
    survey: str


def steps_of(event: CsatReceived, mark: Mark | None, track: Track, turn: Status | None, rules: Rules) -> list[Step]:
    """What an answer does to the customer's alerts."""
    steps, survey = [], event.survey
    poor = event.rating <= rules.poor
    stood = mark is not None and mark.open
    if poor or stood:
        status = Status.RETRACTED if not poor else Status.UPDATED if stood else Status.FIRING
        revision = 1 if mark is None else mark.revision + 1
        track.mark(survey, Mark(revision, poor))
        steps.append(Step(Kind.POOR_RATING, status, revision, survey))
    last = track.trend
    if turn is Status.RESOLVED and last is not None:
        last.revision += 1
        last.open = False
        steps.append(Step(Kind.DECLINING_TREND, turn, last.revision, last.survey))
    elif turn is Status.FIRING:
        revision = last.revision + 1 if last is not None and last.survey == survey else 1
        track.trend = TrendAlert(survey, event.event_id, track.newest, revision, open=True)
        steps.append(Step(Kind.DECLINING_TREND, turn, revision, survey))
    return steps


def again(
    kind: Kind,
    event: CsatReceived,
    track: Track,
    judge: Judge,
    account: Customer | None,
    said: Said,
    *,
    why: str,
    silent: bool,
    now: datetime,
) -> Alert:
    """The next revision of the alert that `event` fired and that stands, since more is known: `why` says what."""
    survey = event.survey
    if kind is Kind.POOR_RATING:
        mark = track.answers.mark(survey) or Mark(0, open=True)
        revision = mark.revision + 1
        track.mark(survey, Mark(revision, open=True))
    else:
        last = cast("TrendAlert", track.trend)
        revision, survey = last.revision + 1, last.survey
        last.revision = revision
    at = detect.microseconds(event.responded_at)
    return alerts.build(
        kind,
        event,
        status=Status.UPDATED,
        revision=revision,
        context=alerts.context_of(track, at, event, said, account, judge),
        trend=detect.measure(track, judge.rules),
        customer=account,
        policy=judge.policy,
        silent=silent,
        now=now,
        first=survey,
        said=said,
        why=why,
    )


def news(before: Ticket, after: Ticket, said: Said) -> str | None:
    """What became known of a ticket that changes how severe an alert on it is; None: nothing."""
    if after.was_escalated and not before.was_escalated and said.escalated_at is not None:
        return f"the ticket was escalated on {day(detect.instant(said.escalated_at))}"
    if after.sla_broken != before.sla_broken:
        took, promised = count(after.resolution_time_hours or 0, "hour"), count(after.sla_hours or 0, "hour")
        return f"the ticket took {took}, {promised} promised"
    return None


def remembered(event: CsatReceived, value: bytes) -> bytes:
    """What to keep of an event that came as `value`."""
    return value if len(value) <= _MOST_REMEMBERED else encode(event)


def forget_said(track: Track, person: Contact) -> None:
    """Keep no event in which this person spoke: the alerts on them stand, and are not made again."""
    answers = track.answers
    for place in answers.open_before(len(answers)):
        if _spoke(track.remembered.event(answers.surveys[place]), person):
            track.remembered.drop(answers.surveys[place])
    if _spoke(track.remembered.trends(), person):
        track.remembered.keep_trends(None)


def _spoke(value: bytes | None, person: Contact) -> bool:
    event = None if value is None else decode(value)
    if not isinstance(event, CsatReceived) or event.contact is None:
        return False
    pairs = (person.id, event.contact.id), (person.email, event.contact.email)
    return any(asked is not None and said is not None and asked.lower() == said.lower() for asked, said in pairs)
