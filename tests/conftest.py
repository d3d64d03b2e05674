"""The servers as fixtures: started once a session, clean for each test."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.unavailable import UnavailableError

if TYPE_CHECKING:
    # The libraries behind these are loaded by the fixtures: unit tests start without them.
    from playwright.async_api import Browser, Page

    from tests.servers.databases import Databases
    from tests.servers.fake_slack import FakeSlack
    from tests.servers.kafka import KafkaServer

# The machines are shared: how long an example takes says nothing.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

_SHARED_KAFKA = pytest.StashKey[str]()
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that speaks Kafka's protocol.

    Attributes:
        url: `kafka://host:port`, as csatwatch's settings take it.
        transactions: whether it has them; record timestamps, size limits and faults come with them.
    """

    name: Literal["kafka", "embedded"]
    url: str
    transactions: bool

    @property
    def bootstrap(self) -> str:
        """`host:port`, as Kafka's clients take it."""
        return self.url.removeprefix("kafka://")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this project's own."""
    parser.addoption("--old-release", metavar="DIR", help="a checkout of the release to upgrade from (with =)")
    parser.addoption("--update-images", action="store_true", help="make the screenshots in docs/images anew")


# Where the second kind of broker shows nothing that the first has not shown: that is for the long suite.
_LITTLE_DEPENDS_ON_THE_BROKER = {"delivery", "detector", "slack", "store"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the servers that it asks for, and what is left to the long suite."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        variant = getattr(getattr(item, "callspec", None), "params", {}).get("broker")
        if fixtures & {"kafka", "own_kafka"} or variant == "kafka":
            item.add_marker(pytest.mark.kafka)
        little = item.path.parent.name in _LITTLE_DEPENDS_ON_THE_BROKER
        if variant == "embedded" and little and item.get_closest_marker("both_brokers") is None:
            item.add_marker(pytest.mark.slow)
        if "databases" in fixtures:
            item.add_marker(pytest.mark.postgres)
        if "browser" in fixtures:
            item.add_marker(pytest.mark.browser)


@contextmanager
def available() -> Iterator[None]:
    """Skip where a server cannot run; on CI, which installs them all, fail."""
    try:
        yield
    except UnavailableError as error:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where to ask for the Kafka that all of them share."""
    from tests.servers.shared_kafka import shared_kafka

    if _SHARED_KAFKA not in node.config.stash:
        owned = ExitStack()
        node.config.add_cleanup(owned.close)
        node.config.stash[_SHARED_KAFKA] = owned.enter_context(shared_kafka())
    node.workerinput["kafka"] = node.config.stash[_SHARED_KAFKA]


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator["KafkaServer"]:
    """An Apache Kafka for all tests: leave it running, and use `topic_prefix`."""
    from tests.servers.kafka import KafkaServer
    from tests.servers.shared_kafka import ask

    of_the_run = getattr(request.config, "workerinput", {}).get("kafka")
    if of_the_run is not None:
        with available():
            server = ask(of_the_run)
        yield server
        return
    with available():
        server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    with server:
        yield server


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator["KafkaServer"]:
    """An Apache Kafka for one test, which may stop, kill and restart it."""
    from tests.servers.kafka import KafkaServer

    with available():
        server = KafkaServer(tmp_path / "kafka")
    with server:
        yield server


@pytest.fixture(scope="session")
def embedded_broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded broker for all tests, as `kafka://host:port`: use `topic_prefix`."""
    from agents.embedded.broker import embedded_broker
    from tests.servers.background import in_background

    with in_background(embedded_broker(tmp_path_factory.mktemp("broker"))) as url:
        yield url


@pytest.fixture(params=["kafka", "embedded"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each kind of broker in turn."""
    if request.param == "kafka":
        server: KafkaServer = request.getfixturevalue("kafka")
        return Broker("kafka", server.url, transactions=True)
    return Broker("embedded", request.getfixturevalue("embedded_broker_url"), transactions=False)


@pytest.fixture(scope="session")
def _test_numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def topic_prefix(_test_numbers: Iterator[int]) -> str:
    """What no other test's topics, groups and transactional ids begin with."""
    return f"{os.environ.get('PYTEST_XDIST_WORKER', '')}t{next(_test_numbers)}."


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Databases"]:
    """A Postgres for all tests, with a migrated template."""
    from tests.servers.background import in_background
    from tests.servers.databases import databases

    with in_background(databases(tmp_path_factory.mktemp("postgres"))) as server:
        yield server


@pytest.fixture
async def postgres(databases: "Databases") -> AsyncIterator[str]:
    """The DSN of a migrated, empty database of the test's own."""
    async with databases.fresh() as dsn:
        yield dsn


@pytest.fixture
def slack() -> Iterator["FakeSlack"]:
    """A Slack workspace of the test's own."""
    from tests.servers.fake_slack import FakeSlack

    with FakeSlack() as server:
        yield server


@pytest.fixture
async def browser() -> AsyncIterator["Browser"]:
    """A Chromium of the test's own."""
    from playwright.async_api import async_playwright

    from tests.servers.chromium import FLAGS, chromium

    with available():
        program = chromium()
    async with async_playwright() as driver:
        started = await driver.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        try:
            yield started
        finally:
            await started.close()


@pytest.fixture
async def page(browser: "Browser") -> AsyncIterator["Page"]:
    """An empty tab. A script's error, or a request to anywhere but this machine, fails the test."""
    context = await browser.new_context()
    opened = await context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
    opened.on(
        "request",
        lambda request: (
            None if (urlsplit(request.url).hostname or "localhost") in _LOCAL else wrong.append(f"asks {request.url}")
        ),
    )
    yield opened
    await context.close()
    assert not wrong
