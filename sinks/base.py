"""What a destination is to the rest: one method, and the two errors that it may end in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from schemas.alert import Alert
from schemas.digest import Digest
from schemas.life import Life
from schemas.notice import Main, Neighbour, Way

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SendError(Exception):
    """Why a step was not done. The text is for operators: a class or a code, never customer text, never a secret."""


class Retriable(SendError):
    """The same step may go through later.

    Attributes:
        after: seconds that the destination asks us to wait; None leaves it to the backoff.
        uncertain: the request may have been carried out although no answer came: ask before it is repeated.
        counts: the step itself failed, rather than found no room: it counts as a try.
        away: the destination as a whole seems to be away, so that others would fail too.
        rest: seconds for which nothing more should go into the step's lane.
    """

    def __init__(
        self,
        reason: str,
        *,
        after: float | None = None,
        uncertain: bool = False,
        counts: bool = True,
        away: bool = False,
        rest: float = 0.0,
    ) -> None:
        super().__init__(reason)
        self.after = after
        self.uncertain = uncertain
        self.counts = counts
        self.away = away
        self.rest = rest


class Permanent(SendError):
    """Trying again changes nothing: a person has to mend something first. The text says what."""


class Unknown(Permanent):
    """It may have been done, there is no way to find out, and done twice would be worse than not at all."""


class Elsewhere(SendError):
    """Not begun: it belongs in another lane, whose turn it has to wait for."""

    def __init__(self, lane: str) -> None:
        super().__init__("belongs in another lane")
        self.lane = lane


@dataclass(frozen=True, slots=True)
class Delivery:
    """One step of one alert, claimed and to be done.

    Attributes:
        alert: the newest revision of it.
        claim: the token of this claim; a settle with another one changes nothing.
        step: `workflow/step id`; with the alert's id it names the row in the ledger.
        sink: the destination's name in the ledger and in metrics.
        lane: see `schemas.delivery.Step`.
        config: the step's own configuration.
        shown_revision: what the destination shows by now; 0: nothing that is known of.
        destination, external_id: where that is, as the receipt for it said. A destination without an external id is
            where a send was about to go whose outcome is not known.
        uncertain: an earlier try may have gone through without its answer: ask the destination first.
        attempts: failed tries since the last success.
        life: what people have done with the alert so far.
        created_at: when the ledger got the step; nothing was sent before.
        published_at: the broker's time of the revision.
        claimed_at: now, by the ledger's clock.
        shown_at: when the destination first showed it; None: not yet.
        thread: the message below which it stands, or was about to, in Slack.
        main: for a notice, the step that it follows; for word to Support, the alert's message in Slack.
        neighbours: the customer's other open alerts in Slack, for a message that was not posted yet.
        way: how it goes out; None: to the account's CSM.
        restored: the ledger was restored from a backup, and lost what it knew: the destination may show it, though
            neither `destination` nor `external_id` says where. Uncertain, too, where nothing is known to be shown.
        allowed_at: since when nothing of its own, such as a delay or quiet hours, holds it back; None: not known.
        traceparent: the W3C trace context of what recorded the revision; None: it is not traced.
    """

    alert: Alert | Digest
    claim: str
    step: str
    sink: str
    created_at: datetime
    published_at: datetime
    lane: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    shown_revision: int = 0
    destination: str | None = None
    external_id: str | None = None
    uncertain: bool = False
    attempts: int = 0
    life: Life = field(default_factory=Life)
    claimed_at: datetime = _EPOCH
    shown_at: datetime | None = None
    thread: str | None = None
    main: Main | None = None
    neighbours: tuple[Neighbour, ...] = ()
    way: Way | None = None
    restored: bool = False
    allowed_at: datetime | None = None
    traceparent: str | None = None

    @property
    def about_customer(self) -> Alert:
        """The alert, for what is done for a customer. Raises `Permanent` on a digest."""
        if isinstance(self.alert, Alert):
            return self.alert
        raise Permanent("a digest is about a CSM's week and no customer: take this step out of its workflow")


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the destination shows the step now.

    Attributes:
        external_id: what the destination calls it: a message's ts, a task's id.
        csm_notified: the customer's own CSM, or who stands in, has it before them.
        thread: the message below which it stands.
        rest: seconds for which nothing more should go into the step's lane.
    """

    destination: str
    external_id: str
    csm_notified: bool = False
    thread: str | None = None
    rest: float = field(default=0.0, compare=False)


@runtime_checkable
class Sink(Protocol):
    """A destination that is told of one step at a time."""

    async def send(self, delivery: Delivery) -> Receipt | None:
        """Bring the destination to the alert's revision: show it, change what is shown, or say that it is over.

        None: the alert is over and nothing of it was ever shown, so there is nothing to do.
        Once per revision is the caller's promise, except for an `uncertain` delivery, where this asks first.
        Raises Retriable or Permanent, nothing else.
        """
        ...


Outcome = Receipt | SendError | None
"""What became of a delivery; None as in `Sink.send`."""


class BatchSink(Protocol):
    """A destination that is told of many steps at once."""

    async def send_all(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        """As `Sink.send` for each; the outcomes in the same order, errors as values. Raises nothing."""
        ...


PREVIEW = "preview"
"""The destination of a message that stayed here, because no Slack is set."""
