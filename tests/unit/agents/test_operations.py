import pytest
from pydantic import ValidationError

from agents.operations import in_force, rates, totals
from agents.settings import Settings
from schemas.policy import load_policy

_METRICS = """# TYPE csatwatch_events_total counter
csatwatch_events_total{role="detect",event_type="a",result="applied"} 40.0
csatwatch_events_total{role="detect",event_type="b",result="applied"} 2.0
# TYPE csatwatch_other_total counter
csatwatch_other_total 7.0
# TYPE csatwatch_build_info gauge
csatwatch_build_info{version="1.2.3"} 1.0
"""


def test_what_a_process_has_done_is_added_up() -> None:
    assert totals(_METRICS) == ({"events": 42.0}, "1.2.3")


def test_a_rate_is_over_all_the_time_between_the_samples() -> None:
    assert rates([(0.0, {"events": 10}), (10.0, {"events": 20}), (20.0, {"events": 50})]) == {"events": 2.0}


@pytest.mark.parametrize("samples", [[], [(0.0, {"events": 1.0})], [(5.0, {"events": 1.0}), (5.0, {"events": 2.0})]])
def test_without_time_in_between_there_is_no_rate(samples: list[tuple[float, dict[str, float]]]) -> None:
    assert rates(samples) == {}


def test_a_process_started_anew_counts_from_nothing() -> None:
    assert rates([(0.0, {"events": 1000}), (10.0, {"events": 30})]) == {"events": 3.0}


def test_what_is_in_force_is_named() -> None:
    shown = in_force(Settings(), load_policy(None))
    assert shown.policy.startswith("default ")
    assert "at_most: 2" in shown.policy_text
    assert any("notify_csm (slack_dm)" in steps for _, _, steps in shown.workflows)
    assert shown.wrong is None


def test_processes_are_named_with_their_addresses() -> None:
    parts = Settings(parts="detect=http://a:1/, store=https://b:2").named_parts
    assert parts == [("detect", "http://a:1"), ("store", "https://b:2")]
    assert Settings().named_parts == []


@pytest.mark.parametrize("parts", ["detect", "detect=a:1", "=http://a:1", "a=http://a:1,,b=http://b:1"])
def test_what_names_no_process_is_refused(parts: str) -> None:
    with pytest.raises(ValidationError):
        Settings(parts=parts)
