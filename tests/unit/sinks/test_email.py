import pytest

from schemas import template
from schemas.alert import Context
from schemas.event import Contact, Ticket
from sinks.email import draft, recipient, templates
from sinks.languages import in_language
from tests.alerts import CUSTOMER, TICKET, alert

NAME = "support_satisfaction_followup"


def test_it_is_about_the_ticket_the_rating_and_the_feedback() -> None:
    made = draft(alert(), NAME)
    assert made.subject == "Your support request TKT-2026-4521: API returning 500 errors intermittently"
    for words in (
        "Hello Pat Lee,\n",
        "You rated it 1 out of 5",
        "> Took too long to get a response",
        "It took 72 hours",
        "longer than the 24 hours",
        "not the first time",
    ):
        assert words in made.body
    assert made.body.endswith("Kind regards\nAna Diaz\n")
    assert (made.from_name, made.from_email) == ("Ana Diaz", "ana@example.com")


def test_what_is_not_known_is_left_out() -> None:
    bare = alert(
        customer=None, feedback=None, ticket=Ticket(ticket_id="9"), context=Context(tickets_30d=1, low_ratings_30d=1)
    )
    made = draft(bare, NAME)
    assert made.subject == "Your support request 9"
    assert made.body.startswith("Hello,\n")
    assert (made.to_email, made.from_email) == (None, None)
    for words in ("None", "unknown", "You wrote", "It took", "first time"):
        assert words not in made.body


def test_who_answered_comes_before_the_primary_contact() -> None:
    answered = Contact(name="Kim", email="kim@globaltech.example")
    assert recipient(alert(contact=answered)) == answered
    assert recipient(alert(contact=Contact(name="Kim"))) == CUSTOMER.primary_contact
    assert recipient(alert(customer=None)) is None


def test_a_subject_is_one_line_and_short() -> None:
    hostile = TICKET.model_copy(update={"ticket_subject": "a\r\nBcc: x@example.com\x00" + "b" * 480})
    made = draft(alert(ticket=hostile), NAME)
    assert "\n" not in made.subject
    assert "\r" not in made.subject
    assert len(made.subject) == 200


def test_each_line_of_the_feedback_is_quoted() -> None:
    assert "> a\n> \n> b\n" in draft(alert(feedback="a\r\n\r\nb\u202e"), NAME).body


def test_a_template_is_named_as_its_file() -> None:
    assert list(templates()) == [NAME]
    with pytest.raises(KeyError):
        draft(alert(), "none")


def test_feedback_is_no_template() -> None:
    assert "{{customer.arr}}" in draft(alert(feedback="{{customer.arr}}"), NAME).body
    with pytest.raises(template.BadTemplate):
        template.check("{{recipient.name}}")


def test_it_is_written_in_the_recipients_language_where_there_is_a_template() -> None:
    answered = Contact(name="Kim", email="kim@globaltech.example", locale="de-AT")
    made = draft(alert(contact=answered), NAME)
    assert made.subject == "Ihre Support-Anfrage TKT-2026-4521: API returning 500 errors intermittently"
    for words in (
        "Guten Tag Kim,\n",
        "mit 1 von 5",
        "> Took too long",
        "hat es 72 Stunden gedauert",
        "nicht das erste",
    ):
        assert words in made.body
    assert made.body.endswith("Mit freundlichen Grüßen\nAna Diaz\n")
    assert draft(alert(contact=answered.model_copy(update={"locale": "fr"})), NAME).body.startswith("Hello Kim,")


@pytest.mark.parametrize(
    ("locale", "text"),
    [("de-AT", "at"), ("de_AT.UTF-8", "at"), ("de-CH", "de"), ("DE", "de"), ("fr", "all"), (None, "all"), ("-", "all")],
)
def test_a_locale_falls_back_to_its_language_and_then_to_the_template_for_all(locale: str | None, text: str) -> None:
    assert in_language({"": "all", "de": "de", "de-at": "at"}, locale) == text


def test_every_language_of_a_template_has_one_for_all() -> None:
    assert all("" in texts for texts in templates().values())
    assert set(templates()[NAME]) == {"", "de"}


def test_a_draft_fits_into_what_slack_lets_people_edit() -> None:
    made = draft(alert(feedback="long words " * 1_800), NAME)
    assert len(made.body) < 3_000
    assert "…" in made.body
