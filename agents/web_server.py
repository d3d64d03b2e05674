"""The web process: the pages on one address, health and metrics on another."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from urllib.parse import urlsplit

import structlog
import uvicorn

from agents import sources, task_hook, texts
from agents.clicks import Clicks, wanted
from agents.health import Health
from agents.operations import Operations
from agents.process import EXIT_DONE, EXIT_FAILED, asked_to_stop, deadline
from agents.publisher import Publisher
from agents.settings import PREFIX, BadSettings, Settings
from agents.sign_in import sign_in
from schemas.policy import load_policy
from web.app import build
from web.doing import Acting
from web.slack.known import House

_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The process listens to signals itself: uvicorn would raise them again once it has stopped.
        yield


async def main(settings: Settings, banner: str | None = None) -> int:
    """Serve the pages, and Slack's clicks where they are set up, until SIGTERM or SIGINT.

    Raises `BadSettings` where the address cannot be used or a token is missing, and `BadFile`.
    """
    texts.use(settings)
    host = settings.web_bind.rpartition(":")[0].strip("[]")
    names = [host, *([name] if settings.public_url and (name := urlsplit(settings.public_url).hostname) else [])]
    policy = load_policy(settings.policy)
    clicks = Clicks(settings, policy) if wanted(settings) else None
    interactions = clicks.interactions.receive if clicks is not None and clicks.interactions is not None else None
    closed = task_hook.ClosedTasks(settings) if task_hook.wanted(settings) else None
    answers = sources.Sources(settings) if sources.wanted(settings) else None
    entrance = sign_in(settings)
    publisher = Publisher(settings)
    operations = Operations(settings, policy)
    app = build(
        settings.postgres_dsn.get_secret_value(),
        hosts=names,
        banner=banner,
        interactions=interactions,
        task_hook=closed.receive if closed is not None else None,
        sources=answers.receive if answers is not None else None,
        sign_in=entrance,
        acting=Acting(publisher.publish, House(policy, mails=settings.smtp_url is not None)),
        assignees=policy.show_assignees,
        operations=operations,
        https=(settings.public_url or "").startswith("https://"),
    )
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False))
    health = Health(settings)
    health.check("pages", lambda: _serving(server))
    with asked_to_stop() as stop, deadline() as cut:
        async with (
            health,
            clicks.open(health) if clicks is not None else nullcontext(),
            closed.open() if closed is not None else nullcontext(),
            answers.open() if answers is not None else nullcontext(),
            publisher,
            operations.open(),
        ):
            listening = _listen(settings)
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            stopping = asyncio.create_task(stop.wait())
            port = listening.getsockname()[1]
            address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            # Who has given the token makes the link, and keeps it out of the log.
            if entrance.link is not None and settings.sign_in_token is None:
                _log.info("sign in by this link, once", link=f"{_here(address, port)}{entrance.link.path}")
            _log.info("pages", url=f"{address}/")
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            cut.start()
            stopping.cancel()
            # The pages that follow along hold their connections open: told to end, they let the server end.
            app.state.live.close()
            server.should_exit = True
            await serving
    _log.info("stopped", app="web")
    return EXIT_DONE if stop.is_set() else EXIT_FAILED


def _here(address: str, port: int) -> str:
    """The address for a browser on this machine; every interface is no name of it."""
    return f"http://127.0.0.1:{port}" if "//0.0.0.0:" in address or "//[::]:" in address else address


def _listen(settings: Settings) -> socket.socket:
    host, _, port = settings.web_bind.rpartition(":")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, proto)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except BaseException:
            listening.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "no such port"
        message = f"{PREFIX}WEB_BIND is {settings.web_bind}: cannot listen there ({reason}): name another HOST:PORT"
        raise BadSettings(message) from None
    return listening


async def _serving(server: uvicorn.Server) -> str | None:
    return None if server.started and not server.should_exit else "not serving"
