"""A trace goes from the record of a rating through both processes to the request to Slack, and holds no words."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from agents.settings import BadSettings, Settings
from agents.traces import Traces, traceparent, traces
from sinks.ledger import Revision
from streams.topology import ALERTS, EVENTS
from tests.alerts import AT, alert
from tests.memory import answer
from tests.servers.collector import Collector, Seen, collector
from tests.servers.processes import csatwatch, running
from tests.servers.slack_faults import Fault, Kind
from tests.servers.topics import Record, produce, read_all
from tests.servers.wait import until

if TYPE_CHECKING:
    from tests.servers.fake_slack import FakeSlack
    from tests.servers.kafka import KafkaServer

_TRACE, _SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
_WORDS = "plantedfeedback, word for word"


async def test_one_trace_from_the_rating_to_slack(
    kafka: "KafkaServer", topic_prefix: str, postgres: str, slack: "FakeSlack", tmp_path: Path
) -> None:
    async with collector() as seen:
        settings = {
            "CSATWATCH_KAFKA_URL": kafka.url,
            "CSATWATCH_TOPIC_PREFIX": topic_prefix,
            "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
            "CSATWATCH_PARTITIONS": "2",
            "CSATWATCH_POSTGRES_DSN": postgres,
            "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
            "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
            "CSATWATCH_SLACK_API_URL": slack.url,
            "CSATWATCH_SLACK_FALLBACK_CHANNEL": "C0ALERTS",
            "CSATWATCH_TRACES_URL": seen.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        slack.faults.next("chat.postMessage", Fault(Kind.SERVER_ERROR))
        done = await csatwatch("topics", "create", settings=settings, directory=tmp_path)
        assert done.code == 0, done.stderr
        async with running(settings, tmp_path, "detect", "deliver"):
            rating = answer(1, datetime.now(UTC), event_id="e-1", ticket_id="T-1", feedback=_WORDS)
            headers = (("traceparent", f"00-{_TRACE}-{_SPAN}-01".encode()),)
            value, key = json.dumps(rating).encode(), rating["customer_id"].encode()
            await produce(kafka.bootstrap, topic_prefix + EVENTS, [Record(key=key, value=value, headers=headers)])
            tries = await until(lambda: _tries(seen), what="a try that failed, and one that did not", within=60)

        (published,) = await read_all(kafka.bootstrap, topic_prefix + ALERTS)
    (detect,), (record,) = seen.named("detect"), seen.named("record")
    assert {span.trace_id for span in seen.spans} == {_TRACE}
    assert (detect.service, detect.parent_id) == ("csatwatch-detect", _SPAN)
    assert traceparent(published.headers) == f"00-{_TRACE}-{detect.span_id}-01"
    assert (record.service, record.parent_id) == ("csatwatch-deliver", detect.span_id)
    assert {span.parent_id for sink in ("slack", "tasks", "email") for span in seen.named(f"deliver {sink}")} == {
        record.span_id
    }
    posts = sorted(seen.named("slack chat.postMessage"), key=lambda span: span.start)
    assert [post.parent_id for post in posts] == [each.span_id for each in tries]
    assert [post.attributes["http.response.status_code"] for post in posts] == [500, 200]
    assert [(each.failed, each.attributes["csatwatch.outcome"]) for each in tries] == [
        (True, "retriable"),
        (False, "receipt"),
    ]
    alert_id = json.loads(published.value or b"")["alert_id"]
    assert {span.attributes["csatwatch.alert_id"] for span in seen.spans if not span.name.startswith("slack ")} == {
        alert_id
    }
    assert "planted" not in str(seen.spans)
    assert all(span.start <= span.end for span in seen.spans)


def _tries(seen: Collector) -> list[Seen]:
    # Not its first claim, which finds that the message belongs into the fallback channel's lane.
    steps = [span for span in seen.named("deliver slack") if span.attributes["csatwatch.outcome"] != "elsewhere"]
    found = sorted(steps, key=lambda span: span.start)
    return found if found and not found[-1].failed else []


async def test_a_collector_that_hangs_holds_up_nothing() -> None:
    async with collector() as away:
        away.hangs = True
        on = traces(Settings(traces_url=away.url), "csatwatch-deliver")
        with on.recording([Revision(alert(), AT, f"00-{_TRACE}-{_SPAN}-01")]) as marked:
            assert (marked[0].traceparent or "").startswith(f"00-{_TRACE}-")
        begun = monotonic()
        await on.close()
        assert monotonic() - begun < 5
        await away.asked.wait()


def test_off_nothing_of_it_is_imported() -> None:
    program = (
        "import sys, agents.detector, agents.delivery\n"
        "found = [name for name in sys.modules if name.startswith('opentelemetry')]\n"
        "sys.exit(', '.join(found) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_off_no_header_is_added() -> None:
    off = traces(Settings(), "csatwatch-detect")
    assert type(off) is Traces
    with off.raising((), "csat-events", 0) as headers:
        assert list(next(iter(headers))) == []


def test_without_its_libraries_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "agents.open_telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.context", None)
    with pytest.raises(BadSettings, match=r"pip install 'csatwatch\[traces\]'"):
        traces(Settings(traces_url="http://127.0.0.1:4318/v1/traces"), "csatwatch-detect")


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (None, None),
        ((("other", b"x"),), None),
        ((("traceparent", b"a"), ("ce_traceparent", b"b")), "a"),
        ((("ce_traceparent", b"b"),), "b"),
        ((("traceparent", b""), ("ce_traceparent", b"b")), "b"),
        ((("traceparent", b"\xff"),), "\ufffd"),
    ],
)
def test_the_context_is_in_one_of_two_headers(headers: tuple[tuple[str, bytes], ...] | None, found: str | None) -> None:
    assert traceparent(headers) == found
