"""Texts of one's own: they replace ours, and what is wrong with them is said by file and place."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from schemas.action import Action, ActionKind
from schemas.customer import Person
from schemas.life import Deed, Life
from schemas.notify import Away
from schemas.policy import load_policy
from schemas.yaml_file import BadFile
from sinks import email
from sinks.slack import as_parts, as_text, message, texts
from sinks.slack.people import People
from sinks.slack.support import word_to_support
from sinks.slack.target import Targets
from streams.notify import Case, Channels, way
from tests.alerts import AT, CSM, CUSTOMER, TICKET, alert
from tests.deliveries import delivery
from tests.digests import everything
from tests.servers import slack_limits


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "slack").mkdir()
    yield tmp_path
    texts.use(None)
    email.use(None)


def test_a_template_of_ones_own_takes_the_place_of_ours(own: Path) -> None:
    (own / "slack" / "support_satisfaction_drop.txt").write_text(
        "Oh no: {{message.customer}}\n\nOnly {{rating}} of 5 for <{{ticket.ticket_subject}}>\n\n\nSecond paragraph.\n"
    )
    texts.use(own)
    subject = TICKET.model_copy(update={"ticket_subject": "R&D\n\nis <down>"})
    said = message(alert(ticket=subject))
    assert as_text(said).splitlines()[:5] == [
        "Oh no: GlobalTech",
        "",
        "Only 1 of 5 for <R&D is <down>>",
        "",
        "Second paragraph.",
    ]


def test_a_further_template_can_be_named_by_a_workflow(own: Path) -> None:
    (own / "slack" / "short.txt").write_text("{{message.customer}} is unhappy\n")
    texts.use(own)
    assert "short" in texts.texts().names
    assert as_parts(message(alert(), template="short"))[0].text == "GlobalTech is unhappy"


def test_words_of_ones_own(own: Path) -> None:
    (own / "slack" / "words.yaml").write_text("acknowledge: Got it\ndid_acknowledged: $by has it\n")
    texts.use(own)
    parts = as_parts(message(alert(), life=Life((Deed(ActionKind.ACKNOWLEDGED, "Ana <!here>", AT),))))
    assert parts[-1].menu[0] == "Got it"
    assert parts[-1].menu[1] == "Schedule a Call"
    assert parts[-2].text == "Ana <!here> has it."


def test_the_digest_and_word_to_support_in_words_of_ones_own(own: Path) -> None:
    (own / "slack" / "words.yaml").write_text(
        'digest_title: "Deine Woche $week"\n'
        "digest_falling: Fallend\n"
        'digest_item: "- $account: $words"\n'
        'digest_more: "und $count weitere"\n'
        "digest_short_falling: $count fallen\n"
        "support_title: Hilfe für $customer\n"
        "support_rated: Bewertet mit $rating\n"
    )
    texts.use(own)
    sent = message(everything())
    shown = as_text(sent)
    assert shown.startswith("Deine Woche 2026-W20")
    assert "*Fallend* (3)\n- " in shown
    assert "3 fallen, 1 maybe falling" in sent.text
    assert "*Falling*" not in shown
    asked = Action(
        action_id=UUID(int=1),
        alert_id=alert().alert_id,
        customer_id=alert().customer_id,
        kind=ActionKind.COORDINATE_REQUESTED,
        by="ana@example.com",
        at=AT,
    )
    said = as_text(word_to_support(alert(), asked))
    assert said.startswith("Hilfe für GlobalTech")
    assert "Bewertet mit 1" in said


@pytest.mark.parametrize("notice", ["", "#backup", "#manager"])
@pytest.mark.parametrize("csm", [CSM, None])
@pytest.mark.parametrize("away", [True, False])
async def test_each_reason_why_a_message_is_with_its_reader_has_words(
    notice: str, csm: Person | None, away: bool
) -> None:
    """The decision and the texts are in rooms that do not know each other."""
    account = CUSTOMER.model_copy(update={"csm": csm, "deputy": Person(name="Cleo", email="cleo@example.com")})
    absent = (Away(csm=CSM.email, first=AT.date(), last=AT.date()),) if away else ()
    policy = load_policy(None)
    policy = policy.model_copy(update={"notify": policy.notify.model_copy(update={"away": absent})})
    step = f"support_satisfaction_response/notify_csm{notice}"
    found = way(Case(alert(customer=account), step, AT, AT), policy, Channels(manager="C0MANAGER"))
    if found is None:
        assert (notice, away) == ("#backup", True), "who stands in is no backup"
        return

    class Nobody(People):
        def __init__(self) -> None:
            pass

        async def channel(self, person: Person) -> str | None:
            del person
            return None

    target = await Targets(Nobody(), "C0FALLBACK").find(delivery(alert(customer=account), step=step, way=found))
    assert target is not None
    assert target.audience
    assert target.audience.startswith("For ")
    assert "$" not in target.audience


@pytest.mark.parametrize(
    ("name", "text", "mistake"),
    [
        ("x.txt", "a\n{{customer.nam}}", "x.txt: line 2: 'customer.nam' is not a field of an alert"),
        ("x.txt", "{{message.custmer}}", "x.txt: line 1: 'message.custmer' is not a field of an alert"),
        ("x.txt", "{{'a' * 9}}", "x.txt: line 1: mul is not allowed in a template"),
        ("words.yaml", "acknowledged: x", "words.yaml: acknowledged is no text of a message: write one of"),
        ("words.yaml", "snooze: $who", "words.yaml: snooze: $who is not known here: there is none"),
        ("words.yaml", "updated: 5 $", "words.yaml: updated: a $ that begins no name"),
        ("words.yaml", "updated: ''", "words.yaml: updated: is empty"),
        ("words.yaml", "- a", "words.yaml: is no mapping"),
        ("words.yaml", "a: [", "words.yaml: not valid YAML"),
    ],
)
def test_a_mistake_is_said_by_its_place(own: Path, name: str, text: str, mistake: str) -> None:
    (own / "slack" / name).write_text(text)
    with pytest.raises(BadFile) as bad:
        texts.use(own)
    assert mistake in str(bad.value)


def test_a_directory_that_is_none(own: Path) -> None:
    for use in (texts.use, email.use):
        with pytest.raises(BadFile, match="nowhere"):
            use(own / "nowhere")


@pytest.mark.parametrize("paragraph", ["{{feedback}} {{ticket.ticket_subject}} {{customer.name}}\n", "short\n"])
def test_however_long_a_template_is_slack_takes_the_message(own: Path, paragraph: str) -> None:
    (own / "slack" / "long.txt").write_text("{{feedback}}\n\n" + (paragraph * 3 + "\n") * 60)
    texts.use(own)
    sent = message(alert(feedback="&" * 20_000), template="long", changed=True, audience="x" * 2000)
    assert slack_limits.complaints(sent.as_json()) == []
    assert slack_limits.text_length(sent.as_json()) < 10_000


def test_an_email_of_ones_own_keeps_our_other_languages(own: Path) -> None:
    (own / "support_satisfaction_followup.txt").write_text("Subject: Sorry\nWe are.\n")
    email.use(own)
    found = email.templates()["support_satisfaction_followup"]
    assert found[""] == "Subject: Sorry\nWe are.\n"
    assert "de" in found
    (own / "another.fr.txt").write_text("Subject: Pardon\n…\n")
    with pytest.raises(BadFile, match=r"another\.txt is missing"):
        email.use(own)
