"""`csatwatch customers`: accounts from a file to `customers`."""

from collections.abc import Mapping

import click
from pydantic import ValidationError

from agents.commands.checked import BadLine
from agents.commands.input_file import Columns, Line
from agents.commands.publish_file import Kind, publish_file
from agents.commands.send import Message
from schemas.customer import Customer, Person
from schemas.event import Contact
from schemas.record import Record
from streams.topology import CUSTOMERS

_INSIDE: Mapping[str, type[Record]] = {"csm": Person, "deputy": Person, "primary_contact": Contact}
COLUMNS = Columns(
    names=tuple(
        f"{name}.{below}" if below else name
        for name in Customer.model_fields
        for below in (_INSIDE[name].model_fields if name in _INSIDE else ("",))
    ),
    numbers=frozenset({"arr"}),
)


@click.group()
def customers() -> None:
    """Tell csatwatch the accounts: their names, their revenue and who owns them."""


@customers.command("import")
@click.argument("file", required=False)
@click.option("--format", "given", type=click.Choice(["jsonl", "csv"]), help="Default: by the file's ending.")
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out and publish the others.")
@click.option("--template", is_flag=True, help="Print an empty CSV with every column, and end.")
def import_command(*, file: str | None, given: str | None, skip_bad: bool, template: bool) -> None:
    """Publish the accounts in FILE to the topic customers.

    FILE is a CSV whose first line names the columns, with a dot for what is inside an object, as in csm.email, or
    JSON Lines; - is standard input. Only customer_id and name must be there. A later record of an account replaces
    the earlier one as a whole. Every line is checked before the first one is sent.

    \b
    Example:
      csatwatch customers import --template > accounts.csv
      csatwatch customers import accounts.csv
    """  # noqa: D301 (click's mark for text that is not to be wrapped)
    accounts = Kind(CUSTOMERS, ("an account", "accounts"), COLUMNS, checked_account, _message)
    publish_file(accounts, file, given, skip_bad=skip_bad, only_template=template)


def _message(line: Line, customer: Customer) -> Message:
    return Message(customer.customer_id, line.value)


def checked_account(value: bytes) -> Customer:
    """The account in a line. Raises `agents.commands.checked.BadLine`."""
    try:
        return Customer.from_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the line"
    if first["type"] == "missing":
        raise BadLine(f"{where} is missing: add it")
    text = first["msg"].removeprefix("Value error, ")
    shown = "" if first["type"] == "json_invalid" else f" is {first['input']!r:.60}"
    raise BadLine(f"{where}{shown}: {text[:1].lower()}{text[1:]}")
