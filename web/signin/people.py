"""Who is it, by what the provider says? Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from schemas.record import Email
from web.viewer import Role, Viewer

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


class NotLetIn(Exception):
    """The provider knows the person, and we cannot let them in. The text is for them."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who is more than a CSM.

    Attributes:
        claim: of the provider's, with one text or a list of them.
        managers, operators: values of the claim, or, with an @, e-mail addresses; in lower case.
        verified: the claim that says that the e-mail address is the person's own.
    """

    claim: str = "roles"
    managers: Collection[str] = frozenset()
    operators: Collection[str] = frozenset()
    verified: str = "email_verified"


def viewer(claims: Mapping[str, Any], roles: Roles) -> Viewer:
    """The person, with the highest role that they have. Raises `NotLetIn`."""
    try:
        email = _EMAIL.validate_python(claims.get("email")).lower()
    except ValidationError:
        raise NotLetIn(
            "The sign-in provider does not say your e-mail address: the scope `email` has to be granted."
        ) from None
    # Whoever can give themselves another's address would see another's accounts.
    verified = claims.get(roles.verified)
    if verified is not True and verified != "true":
        raise NotLetIn(
            f"The sign-in provider does not say that your e-mail address is verified (claim `{roles.verified}`)."
        )
    name = claims.get("name")
    return Viewer(email, name if isinstance(name, str) and name.strip() else email, _role(claims, email, roles))


def _role(claims: Mapping[str, Any], email: str, roles: Roles) -> Role:
    said = claims.get(roles.claim)
    values = said if isinstance(said, list) else [said]
    # A value with an @ is no address: what a provider lets people name themselves is not for us to know.
    named = {value.lower() for value in values if isinstance(value, str) and "@" not in value} | {email}
    if named & set(roles.operators):
        return Role.OPERATOR
    return Role.MANAGER if named & set(roles.managers) else Role.CSM
