"""The table of what an installation needs follows from the figures above it."""

import re

from prometheus_client import generate_latest

from agents.metrics import REGISTRY
from tests.integration.docs.blocks import ROOT

_PAGE = ROOT / "docs" / "capacity.md"
_RATINGS_A_MONTH, _WINDOW_MONTHS, _BUSY, _COPIES, _DAYS = 20, 4, 10, 3, 30


def _rows(heading: str) -> list[list[str]]:
    (section,) = re.findall(
        rf"^## {heading}\n(.*?)(?=^## |\Z)", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [
        [cell.strip() for cell in line.strip("|\n").split("|")] for line in re.findall(r"^\|.*$", section, re.MULTILINE)
    ][2:]


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def test_every_figure_follows() -> None:
    figures = {name: _number(value) for name, value, *_ in _rows("What was measured")}
    speed = figures["events a second of one detector that catches up"]
    for row in _rows("What that means"):
        customers, *said = map(_number, row)
        events = customers * _RATINGS_A_MONTH / _DAYS
        busy = events / 86_400 * _BUSY
        state = customers * (
            figures["bytes of state for a rating in the window"] * _RATINGS_A_MONTH * _WINDOW_MONTHS
            + figures["bytes of state for a customer beside them"]
        )
        kept = events * _DAYS
        should = [
            round(events),
            round(busy),
            max(1, -(-busy // speed)),
            round(state / 1e6, 1),
            round(customers / figures["customers restored a second"], 1),
            round(kept * figures["bytes of an event on Kafka"] * _COPIES / 1e9, 1),
            round(kept / speed),
        ]
        assert said == should, f"{row[0]}: {should}"


def test_what_to_look_at_is_there() -> None:
    families = generate_latest(REGISTRY).decode()
    for name in re.findall(r"`(csatwatch_[a-z_]+)`", _PAGE.read_text(encoding="utf-8")):
        assert re.search(rf"^# TYPE {name} ", families, re.MULTILINE), name
