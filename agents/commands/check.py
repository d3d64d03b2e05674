"""`csatwatch check`: do the settings, the files and the servers work?"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg
import click
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from agents import kafka, sources, texts
from agents.commands.topics import like_events, missing
from agents.mail import smtp
from agents.own_actions import own_actions
from agents.process import EXIT_BAD_INPUT, EXIT_FAILED
from agents.session import connected
from agents.settings import PREFIX, BadSettings, Settings, load_settings
from agents.task_systems import body
from agents.workflows import documents
from schemas.part import Location
from schemas.policy import Policy, load_policy
from schemas.source_files import read_sources
from schemas.yaml_file import BadFile, Document
from sinks.base import SendError
from sinks.postgres import ASYNCPG_ERRORS, BadDatabase, look_at_migrations
from streams.coverage import gaps
from streams.rehearse import rehearse
from streams.sources.rehearse import rehearse as rehearse_source
from streams.topology import EVENTS

_CONNECT = 5  # seconds


class _Away(Exception):
    """A server that cannot be used; the text names the fix."""


@click.command()
def check() -> None:
    """Check the settings, policy, texts, workflows and sources with their tests, and the connections to the servers.

    One line each: ok, or what is wrong and how to mend it. Exit code 2 for a mistake in a setting or a file, 1 for a
    server that cannot be used.
    """
    try:
        settings = load_settings()
    except BadSettings as error:
        _say("settings", str(error))
        raise SystemExit(EXIT_BAD_INPUT) from None
    _say("settings", None)
    policy: list[Policy] = []
    mistakes = [
        _read("policy", lambda: policy.append(load_policy(settings.policy))),
        _read("texts", lambda: texts.use(settings)),
        _read("workflows", lambda: _workflows(settings, policy[0] if policy else None)),
        _read("sources", lambda: _sources(settings)),
    ]
    if settings.tasks_system != "builtin":
        mistakes.append(_read("tasks", lambda: body(settings)))
    away = asyncio.run(_servers(settings))
    if any(mistakes):
        raise SystemExit(EXIT_BAD_INPUT)
    if away:
        raise SystemExit(EXIT_FAILED)


def _workflows(settings: Settings, policy: Policy | None) -> None:
    own = own_actions(settings.plugins)
    found = documents(settings.workflows, {name: action.config for name, action in own.items()})
    if policy is None:
        return
    _tested("workflows", found, lambda workflow, test: rehearse(workflow, test, policy))
    for sentence in gaps(policy, [file.value for file in found]):
        click.echo(f"workflows: warning: {sentence}")


def _sources(settings: Settings) -> None:
    found = read_sources(settings.sources)
    now = datetime.now(UTC)
    _tested("sources", found.values(), lambda source, test: rehearse_source(source, test, now))
    if taken := sorted(sources.believed(settings, {name: file.value for name, file in found.items()})):
        click.echo(f"sources: webhooks of {', '.join(taken)} are taken")


def _tested(
    name: str, files: Iterable[Document[Any]], rehearsed: Callable[[Any, Any], Iterable[tuple[Location, str]]]
) -> None:
    """Run the tests in the files. Raises `BadFile` where they do not hold."""
    tests = [(file, place, test) for file in files for place, test in enumerate(file.value.tests)]
    wrong = [
        file.mistake(("tests", place, *where), text)
        for file, place, test in tests
        for where, text in rehearsed(file.value, test)
    ]
    if wrong:
        raise BadFile("\n".join(wrong))
    if tests:
        click.echo(f"{name}: {len(tests)} {'test holds' if len(tests) == 1 else 'tests hold'}")


def _read(name: str, load: Callable[[], object]) -> bool:
    try:
        load()
    except (BadFile, BadSettings) as error:
        _say(name, str(error))
        return True
    _say(name, None)
    return False


async def _servers(settings: Settings) -> bool:
    checks: dict[str, Callable[[Settings], Awaitable[None]]] = {"kafka": _kafka, "postgres": _postgres}
    if settings.slack_bot_token is None:
        click.echo(f"slack: not set up: messages are shown on the pages only; set {PREFIX}SLACK_BOT_TOKEN")
    else:
        checks["slack"] = _slack
    if settings.slack_app_token is not None:
        checks["clicks"] = _clicks
    elif settings.slack_bot_token is not None and settings.slack_signing_secret is None:
        click.echo(
            f"clicks: not set up: buttons do nothing; set {PREFIX}SLACK_APP_TOKEN or {PREFIX}SLACK_SIGNING_SECRET"
        )
    if settings.smtp_url is None:
        click.echo(f"mail: not set up: drafts are kept and nothing is mailed; set {PREFIX}SMTP_URL")
    else:
        checks["mail"] = _mail
    failed = False
    for name, look in checks.items():
        try:
            await look(settings)
        except (BadSettings, _Away) as error:
            _say(name, str(error))
            failed = True
        else:
            _say(name, None)
    return failed


async def _kafka(settings: Settings) -> None:
    if (reason := await kafka.unreachable(settings)) is not None:
        raise _Away(f"{settings.kafka_url}: {reason}: start it, or correct {PREFIX}KAFKA_URL")
    async with connected(kafka.admin(settings)) as admin:
        if absent := missing(settings, set(await admin.list_topics())):
            raise _Away(f"{settings.kafka_url}: no topic {absent[0]}: run csatwatch topics create")
        described = await admin.describe_topics([settings.topic(EVENTS), *sorted(like_events(settings))])
    events, *others = ((each["topic"], len(each["partitions"])) for each in described)
    for name, count in others:
        if count != events[1]:
            raise _Away(
                f"{events[0]} has {events[1]} partitions and {name} has {count}: "
                f"run csatwatch topics grow --partitions {max(events[1], count)}"
            )


async def _postgres(settings: Settings) -> None:
    fix = f"start it, or correct {PREFIX}POSTGRES_DSN"
    try:
        connection = await asyncpg.connect(settings.postgres_dsn.get_secret_value(), timeout=_CONNECT)
    except (OSError, TimeoutError, *ASYNCPG_ERRORS, ValueError) as error:
        # Only the class: the text may hold the password.
        raise _Away(f"cannot be used ({type(error).__name__}): {fix}") from None
    try:
        await look_at_migrations(connection)
    except BadDatabase as error:
        raise _Away(str(error)) from None
    finally:
        await connection.close()


async def _slack(settings: Settings) -> None:
    token = None if settings.slack_bot_token is None else settings.slack_bot_token.get_secret_value()
    client = AsyncWebClient(token=token, base_url=settings.slack_api_url, timeout=_CONNECT, retry_handlers=[])
    try:
        await client.auth_test()
    except SlackApiError as error:
        reason = error.response["error"]
        raise _Away(f"refuses the token ({reason}): correct {PREFIX}SLACK_BOT_TOKEN") from None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        where = f"{settings.slack_api_url} ({type(error).__name__})"
        raise _Away(f"cannot be reached at {where}: check the network or {PREFIX}SLACK_API_URL") from None


async def _clicks(settings: Settings) -> None:
    token = "" if settings.slack_app_token is None else settings.slack_app_token.get_secret_value()
    client = AsyncWebClient(base_url=settings.slack_api_url, timeout=_CONNECT, retry_handlers=[])
    try:
        # A connection's address, which is not connected to.
        await client.apps_connections_open(app_token=token)
    except SlackApiError as error:
        reason = error.response["error"]
        raise _Away(f"refuses the app's token ({reason}): correct {PREFIX}SLACK_APP_TOKEN") from None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        where = f"{settings.slack_api_url} ({type(error).__name__})"
        raise _Away(f"cannot be reached at {where}: check the network or {PREFIX}SLACK_API_URL") from None


async def _mail(settings: Settings) -> None:
    server = smtp(settings)
    if server is None:
        return
    try:
        await server.check()
    except SendError as error:
        raise _Away(f"{error}: check {PREFIX}SMTP_URL and {PREFIX}SMTP_CA_FILE") from None


def _say(name: str, wrong: str | None) -> None:
    for line in (wrong or "ok").splitlines():
        click.echo(f"{name}: {'failed: ' if wrong else ''}{line}")
