"""`csatwatch fit`: the policy's constants from a history."""

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import click
import yaml

from agents.commands.checked import BadLine, Report
from agents.commands.input_file import format_of, lines, opened, unknown_columns
from agents.commands.progress import measured, size_of
from agents.commands.publish import COLUMNS
from agents.refused import BadInput
from agents.settings import load_settings
from schemas.policy import load_policy
from schemas.wire import CsatReceived, CustomerErased
from streams.fit import FEWEST_CUSTOMERS, Fitted, History, NothingToFit
from streams.validate import InvalidEvent, decode


@click.command()
@click.argument("events", required=False)
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The policy that they are for. Default: the one in the settings.",
)
@click.option("--format", "given", type=click.Choice(["jsonl", "csv"]), help="Default: by the file's ending.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def fit(*, events: str | None, policy_file: Path | None, given: str | None, as_json: bool) -> None:
    """Work out the policy's constants from the history in EVENTS, and print them as a part of a policy.

    EVENTS is JSON Lines or CSV, as csatwatch publish reads it; - is standard input. Nothing is sent anywhere.

    What comes out: the shares of the ratings over all customers and their weight, by which a customer with few
    ratings is judged; the threshold of evidence, such that 4 of 100 customers without any change have an alert on a
    falling trend within 52 ratings; and the usual levels, overall and by category. Put it into your policy, raise
    the policy's version, and try it with csatwatch backtest. See docs/detection.md.

    \b
    Example:
      csatwatch fit history.jsonl
    """  # noqa: D301 (click's mark for text that is not to be wrapped)
    if events is None:
        raise BadInput("EVENTS is missing: name a file, or - for standard input")
    rule = load_policy(policy_file or load_settings().policy).declining_trend
    history, name = History(), "standard input" if events == "-" else events
    report = Report(name)
    file_format = format_of(events, given)
    with opened(events) as source:
        if file_format == "csv":
            for column in unknown_columns(source, name, COLUMNS):
                click.echo(f"csatwatch: {name}: the column {column!r} is no field of an event: left out", err=True)
        read = lines(source, name, file_format, COLUMNS)
        for line in measured(read, total=size_of(source), done=source.tell, what="reading"):
            try:
                event = decode(line.value)
            except InvalidEvent as error:
                report.add(line, BadLine(str(error)))
                continue
            report.good += 1
            if isinstance(event, CsatReceived):
                history.add(event)
            elif isinstance(event, CustomerErased):
                history.forget(event.customer_id)
    report.settle(skip_bad=True)
    try:
        fitted = history.fit(rule)
    except NothingToFit as error:
        raise BadInput(f"{name}: {error}") from None
    if fitted.threshold is None:
        click.echo(
            f"csatwatch: {name}: {fitted.known} customers have {rule.learned_from} ratings or more, and it takes "
            f"{FEWEST_CUSTOMERS} to fit a threshold: it stays as it is",
            err=True,
        )
    click.echo(json.dumps(_facts(fitted) | _constants(fitted), indent=2) if as_json else _snippet(fitted), nl=as_json)


def _constants(fitted: Fitted) -> dict[str, Any]:
    known = fitted.all_customers
    trend: dict[str, Any] = {} if fitted.threshold is None else {"threshold": fitted.threshold}
    trend["all_customers"] = {"shares": list(known.shares), "weight": known.weight}
    return {
        "declining_trend": trend,
        "usual_levels": {"overall": fitted.overall, "categories": dict(fitted.categories)},
    }


def _facts(fitted: Fitted) -> dict[str, Any]:
    span = {"first": fitted.first, "last": fitted.last}
    return {"ratings": fitted.ratings, "customers": fitted.customers} | {
        name: at.astimezone(UTC).isoformat() for name, at in span.items()
    }


def _snippet(fitted: Fitted) -> str:
    first, last = (f"{at.astimezone(UTC):%Y-%m-%d}" for at in (fitted.first, fitted.last))
    of = f"{fitted.ratings:,} ratings of {fitted.customers:,} customers, {first} to {last}"
    text = yaml.safe_dump(_constants(fitted), sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    return f"# Fitted by csatwatch fit to {of}.\n{text}"
