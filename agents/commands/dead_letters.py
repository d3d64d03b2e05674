"""`csatwatch dead-letters`: what was no event, and again."""

import getpass
import json
from collections.abc import Sequence
from uuid import UUID

import click

from agents.dead_letters import DeadLetter, NotReplayable, read, replay
from agents.refused import BadInput, Failed
from agents.session import visit
from agents.settings import load_settings
from streams.validate import Invalid

_ALL = 1_000_000


@click.group()
def dead_letters() -> None:
    """Look after the dead letters: records of csat-events that are no events, and answers of unknown customers."""


@dead_letters.command("list")
@click.option("--error", type=click.Choice([each.value for each in Invalid]), help="Those of one kind.")
@click.option("--all", "everything", is_flag=True, help="Those that were replayed too.")
@click.option("--limit", type=click.IntRange(1, _ALL), default=100, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One record a line.")
def list_(*, error: str | None, everything: bool, limit: int, as_json: bool) -> None:
    """List dead letters, the newest first, without what is in them."""
    found = _wanted(error, everything=everything)
    for each in found[:limit]:
        click.echo(json.dumps(_record(each)) if as_json else _line(each))
    if not found and not as_json:
        click.echo("no dead letters")
    elif len(found) > limit and not as_json:
        click.echo(f"… and {len(found) - limit:,} more: ask for them by --limit", err=True)


@dead_letters.command()
@click.argument("letter", metavar="PARTITION:OFFSET")
@click.option("--value", is_flag=True, help="The record itself too, which may hold a customer's words.")
def show(*, letter: str, value: bool) -> None:
    """Show all that is known of a dead letter, by its place as in the list."""
    (found,) = _named([letter], _wanted(None, everything=True))
    for name, text in _record(found).items():
        click.echo(f"{name}: {text}")
    if value:
        click.echo((found.value or b"").decode(errors="replace"))


@dead_letters.command("replay")
@click.argument("letters", nargs=-1, metavar="[PARTITION:OFFSET]...")
@click.option("--error", type=click.Choice([each.value for each in Invalid]), help="All of one kind.")
@click.option("--all", "everything", is_flag=True, help="All that were not replayed yet.")
@click.option("--customer", metavar="ID", help="Whose the answers are, where a survey tool did not say.")
def replay_(*, letters: Sequence[str], error: str | None, everything: bool, customer: str | None) -> None:
    """Put dead letters back onto csat-events, as they were, once their reason is mended.

    An answer of a survey tool of which it was not known whose it is (unresolved_customer) goes to the customer that its
    ticket, its contact or their domain now lead to, or to the one of --customer; the others go on waiting.

    A record that is still no event becomes a dead letter again. Each is replayed once; one that is named is replayed
    again, which does no harm: an event_id that was seen changes nothing.
    """
    if bool(letters) == (everything or error is not None):
        raise BadInput("say which: their places as in the list, or --error, or --all")
    if customer is not None and not letters:
        raise BadInput("--customer is for letters that are named: say their places as in the list")
    known = None if customer is None else _customer(customer)
    found = _wanted(error, everything=bool(letters))
    wanted = _named(letters, found) if letters else found
    if not wanted:
        raise Failed("nothing to replay: csatwatch dead-letters list shows what there is")
    if known is not None and (other := next((each.id for each in wanted if each.source is None), None)):
        raise BadInput(f"{other} is no survey tool's answer: replay it without --customer")
    settings = load_settings()
    try:
        done = visit(settings, replay(settings, wanted[::-1], by=getpass.getuser(), customer=known))
    except NotReplayable as why:
        raise Failed(str(why)) from None
    click.echo(f"replayed {done.count:,}")
    for each in done.left:
        click.echo(f"csatwatch: still not known whose it is: {each}", err=True)


def _customer(given: str) -> str:
    try:
        return str(UUID(given))
    except ValueError:
        raise BadInput(f"--customer is {given!r:.60}: must be a UUID, as on the customer's page") from None


def _wanted(error: str | None, *, everything: bool) -> list[DeadLetter]:
    settings = load_settings()
    found = visit(settings, read(settings, newest=_ALL))
    return [
        each for each in found if (everything or each.replayed_at is None) and (error is None or each.error == error)
    ]


def _named(letters: Sequence[str], found: Sequence[DeadLetter]) -> list[DeadLetter]:
    by_id = {each.id: each for each in found}
    if missing := [letter for letter in letters if letter not in by_id]:
        raise BadInput(f"{missing[0]!r} is no dead letter: csatwatch dead-letters list shows their places")
    return [by_id[letter] for letter in letters]


def _record(letter: DeadLetter) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": letter.id,
        "at": letter.at.isoformat(),
        "error": letter.error,
        "message": letter.message,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "bytes": letter.size,
    }
    if letter.source is not None:
        shown["source"] = letter.source
    if letter.replayed_at is not None:
        shown |= {"replayed_at": letter.replayed_at.isoformat(), "replayed_by": letter.replayed_by}
    return shown


def _line(letter: DeadLetter) -> str:
    again = f", replayed by {letter.replayed_by}" if letter.replayed_at is not None else ""
    where = f"{letter.id:<8}  {letter.error:<13}  {letter.place}"
    return f"{letter.at:%Y-%m-%d %H:%M:%S} UTC  {where}  {letter.message}{again}"
