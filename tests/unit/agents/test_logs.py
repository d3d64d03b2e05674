import asyncio
import json
import logging
import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from pydantic import ValidationError

from agents.alert_log import say
from agents.logs import configure, describe, follow_signals, set_level
from agents.settings import Settings
from schemas.event import CsatReceived
from tests.alerts import alert

WORDS = "we are looking at alternatives"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, disabled = logging.getLogger(), logging.root.manager.disable
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    logging.disable(disabled)
    logging.captureWarnings(capture=False)
    root.handlers = handlers
    root.setLevel(level)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_an_event_with_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json"))
    structlog.get_logger("agents.run").info("started", app="csatwatch-detect")
    (line,) = logged(capsys)
    assert (line["event"], line["app"], line["level"]) == ("started", "csatwatch-detect", "info")
    assert line["logger"] == "agents.run"
    assert str(line["timestamp"]).endswith("Z")


def test_people_read_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings())
    structlog.get_logger().warning("waiting for kafka", reason="refused")
    text = capsys.readouterr().err
    assert "waiting for kafka" in text
    assert "reason=refused" in text


def test_libraries_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json"))
    logging.getLogger("faust.app").info("chatter")
    logging.getLogger("aiokafka").warning("a broker is away")
    assert [line["event"] for line in logged(capsys)] == ["a broker is away"]


def test_the_level_is_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json", log_level="ERROR"))
    structlog.get_logger().warning("unheard")
    structlog.get_logger().error("heard")
    assert [line["event"] for line in logged(capsys)] == ["heard"]


def invalid() -> ValidationError:
    with pytest.raises(ValidationError) as refused:
        CsatReceived.from_json(json.dumps({"rating": WORDS, "feedback": WORDS}))
    assert WORDS in str(refused.value)
    return refused.value


def fail() -> None:
    raise KeyError(WORDS) from invalid()


def test_an_exception_is_shown_by_class_and_place_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json"))
    try:
        fail()
    except KeyError:
        structlog.get_logger().exception("crashed")
    (line,) = logged(capsys)
    assert WORDS not in json.dumps(line)
    shown = str(line["exception"])
    assert "ValidationError" in shown
    assert shown.endswith("KeyError")
    assert "test_logs.py:" in shown


def test_an_exception_inside_a_librarys_message_loses_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json"))
    logging.getLogger("mode").error("Crashed reason=%r", ValueError(WORDS))
    (line,) = logged(capsys)
    assert line["event"] == "Crashed reason='ValueError'"


def test_texts_about_addresses_and_files_stay() -> None:
    assert describe(ConnectionRefusedError(111, "Connection refused")) == (
        "ConnectionRefusedError: [Errno 111] Connection refused"
    )
    assert describe(ValueError(WORDS)) == "ValueError"


def test_the_level_changes_at_run_time_and_libraries_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json"))
    set_level("DEBUG")
    logging.getLogger("faust.app").debug("chatter")
    logging.getLogger("aiokafka").debug("a whole record")
    structlog.get_logger().debug("heard")
    set_level("WARNING")
    structlog.get_logger().info("unheard")
    assert [line["event"] for line in logged(capsys)] == ["chatter", "heard"]


async def test_signals_make_it_talkative_and_bring_it_back(capsys: pytest.CaptureFixture[str]) -> None:
    loop, seen = asyncio.get_running_loop(), asyncio.Event()
    configure(Settings(log_format="json", log_level="ERROR"))
    follow_signals(loop, "ERROR")
    try:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(os.getpid(), number)
            loop.call_later(0, seen.set)
            await seen.wait()
            seen.clear()
            structlog.get_logger().debug(f"after {number.name}")
    finally:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            loop.remove_signal_handler(number)
    lines = [line for line in logged(capsys) if line.get("logger") != "asyncio"]
    assert [(line["event"], line.get("to")) for line in lines] == [
        ("log level", "DEBUG"),
        ("after SIGUSR1", None),
        ("log level", "ERROR"),
    ]


def test_each_alert_is_named_and_many_at_once_together(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json"))
    log = structlog.get_logger()
    one = alert()
    say(log, "alert read", [one])
    say(log, "alert read", [one] * 250)
    first, *rest = logged(capsys)
    assert (first["alert_id"], first["kind"], first["revision"]) == (str(one.alert_id), "poor_rating", one.revision)
    assert [line["alert_ids"] for line in rest] == [[str(one.alert_id)] * n for n in (100, 100, 50)]
