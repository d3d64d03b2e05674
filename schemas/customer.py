"""What the CRM publishes on `customers`: the account and who owns it."""

from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.event import Contact
from schemas.record import CustomerId, Email, Identifier, NoNul, Record, ShortText, Time


class Person(Record):
    """A Customer Success Manager or a deputy."""

    name: ShortText
    email: Email
    """Finds the person in Slack, where slack_user_id is not given."""
    slack_user_id: Identifier | None = None
    """Slack's id of the person, like U012AB3CD."""


class Customer(Record):
    """An account as last published; a null record deletes it."""

    customer_id: CustomerId
    name: ShortText
    arr: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Annual recurring revenue, in whole units of the currency."""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    """ISO 4217, like USD."""
    csm: Person | None = None
    """Who is told."""
    deputy: Person | None = None
    """Who is told while the CSM is away, or does not answer."""
    support_channel: Identifier | None = None
    """The id of the Slack channel that word to Support goes to."""
    primary_contact: Contact | None = None
    """Whom follow-ups go to, where nobody is known to have answered the survey."""
    tier: ShortText | None = None
    """Such as enterprise: the policy can have other values for a tier."""
    renewal_at: Time | None = None
    """When the contract renews: a near renewal raises the severity."""
    time_zone: Annotated[str, NoNul, StringConstraints(max_length=64)] | None = None
    """An IANA name, like Europe/Berlin."""

    @cached_property
    def published(self) -> bytes:
        """As JSON: each alert of the account carries it, so it is made once."""
        return self.to_json()
