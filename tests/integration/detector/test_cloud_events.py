"""CloudEvents on csat-events in every form, beside plain records: `detect` and `store` take the same."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import asyncpg

from agents.commands.cloud_event import headers
from schemas.alert import Alert
from streams.topology import ALERTS, EVENTS
from tests.integration.detector.conftest import TODAY, Installation
from tests.memory import ACME, answer
from tests.servers.processes import Csatwatch
from tests.servers.topics import Record, produce
from tests.servers.wait import until


async def test_each_form_is_detected_and_stored(installation: Installation, postgres: str) -> None:
    plain, binary, structured = (
        answer(1, TODAY - timedelta(minutes=minutes), event_id=str(uuid4()), ticket_id=f"T-{minutes}")
        for minutes in (3, 2, 1)
    )
    said = headers(event_id=binary["event_id"], event_type="com.example.csat", source="/crm", at=TODAY)
    envelope = {"specversion": "1.0", "id": "1", "source": "/crm", "type": "com.example.csat", "data": structured}
    sent: list[tuple[object, Sequence[tuple[str, bytes]]]] = [
        (plain, ()),
        (binary, said),
        (envelope, [("content-type", b"application/cloudevents+json; charset=UTF-8")]),
    ]
    records = [Record(value=json.dumps(value).encode(), key=ACME.encode(), headers=more) for value, more in sent]
    await produce(installation.broker.bootstrap, installation.prefix + EVENTS, records)
    both = replace(installation, settings=installation.settings | {"CSATWATCH_POSTGRES_DSN": postgres})
    async with both.detector(), Csatwatch("store", both.settings, both.directory):
        await both.processed()
        connection = await asyncpg.connect(postgres)
        try:

            async def stored() -> bool:
                return bool(await connection.fetchval("select count(*) = 3 from support_satisfaction"))

            await until(stored, what="three ratings stored", within=60)
        finally:
            await connection.close()
    assert {alert.response_id for alert in await both.alerts()} == {"T-3", "T-2", "T-1"}
    for each in await both.read(ALERTS):
        alert = Alert.from_json(each.value or b"")
        assert each.header("ce_type") == b"csatwatch.alert.poor_rating.firing"
        assert each.header("ce_id") == f"{alert.alert_id}/{alert.revision}".encode()
    assert await both.dead_letters() == []
