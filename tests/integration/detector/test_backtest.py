"""A backtest and the running topology raise the same alerts on the same feed."""

import json
from collections.abc import Mapping
from typing import Any

from schemas.alert import Alert
from tests.integration.detector.conftest import TODAY, Installation, feed
from tests.servers.processes import csatwatch

_OWN = {"detected_at", "silent", "reasons"}  # the clock's, and what follows from it: most of the feed is old


def said(alert: Alert) -> dict[str, Any]:
    return alert.model_dump(mode="json", exclude=_OWN)


def by_customer(alerts: list[Alert]) -> Mapping[str, list[dict[str, Any]]]:
    """The order of a customer's alerts is kept, that of customers on several partitions is not."""
    found: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts:
        found.setdefault(alert.customer_id, []).append(said(alert))
    return found


async def test_a_backtest_raises_what_the_detector_raises(installation: Installation) -> None:
    events: list[Any] = feed(11, 1000)
    customers = sorted({event["customer_id"] for event in events})
    at = TODAY.isoformat()
    events.insert(300, {"event_type": "support_customer_erased", "event_id": "x", "customer_id": customers[3]})
    closed = {"event_type": "support_ticket_closed", "ticket_id": "T-c", "closed_at": at}
    events += [{**closed, "event_id": f"c-{each}", "customer_id": each} for each in customers[:5]]
    poison = [b"{", b'{"event_type": "nothing"}', b'{"event_type": "support_csat_received", "rating": 9}']
    history = [*events[:500], *poison, *events[500:]]
    accounts = [
        {"customer_id": each, "name": f"Company {i}", "arr": 20_000 * i, "currency": "USD"}
        for i, each in enumerate(customers[:15])
    ]
    directory = installation.directory
    (directory / "history.jsonl").write_bytes(
        b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in history)
    )
    (directory / "accounts.jsonl").write_text("".join(json.dumps(each) + "\n" for each in accounts), encoding="utf-8")
    imported = await csatwatch(
        "customers", "import", "accounts.jsonl", settings=installation.settings, directory=directory
    )
    assert imported.code == 0, imported.stderr
    await installation.publish(history)
    async with installation.detector():
        await installation.processed()
        live = await installation.alerts()
    run = await csatwatch(
        *("backtest", "history.jsonl", "--customers", "accounts.jsonl", "--json"),
        settings=installation.settings,
        directory=directory,
    )
    assert run.code == 0, run.stderr
    past = [Alert.from_json(line) for line in run.stdout.splitlines()]
    assert {each.alert_id for each in past} == {each.alert_id for each in live}
    assert by_customer(past) == by_customer(live)
    assert {(each.kind, each.status) for each in past} >= {
        ("poor_rating", "firing"),
        ("poor_rating", "updated"),
        ("poor_rating", "retracted"),
        ("declining_trend", "firing"),
    }
    assert run.stderr.count("csatwatch: skipped: history.jsonl:") == len(poison)
