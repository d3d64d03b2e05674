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
    slack_user_id: Identifier | None = None


class Customer(Record):
    """An account as last published; a null record deletes it."""

    customer_id: CustomerId
    name: ShortText
    arr: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    csm: Person | None = None
    deputy: Person | None = None
    support_channel: Identifier | None = None
    primary_contact: Contact | None = None
    tier: ShortText | None = None
    renewal_at: Time | None = None
    time_zone: Annotated[str, NoNul, StringConstraints(max_length=64)] | None = None

    @cached_property
    def published(self) -> bytes:
        """As JSON: each alert of the account carries it, so it is made once."""
        return self.to_json()
