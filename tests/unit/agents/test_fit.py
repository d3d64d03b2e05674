"""`csatwatch fit` as a person or a program runs it."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from agents.cli import program
from schemas.policy import load_policy

POLICY = (Path(__file__).parents[3] / "schemas" / "policy.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(program, ["fit", *arguments], input=stdin)


def history(customers: int, ratings: int) -> str:
    lines = [
        {
            "event_type": "support_csat_received",
            "event_id": f"e{customer}-{number}",
            "customer_id": f"00000000-0000-4000-8000-{customer:012}",
            "ticket_id": f"T{number}",
            "ticket_category": "Größe: Billing",
            "rating": (5, 4, 5, 3, 5, 5, 1)[(customer + number * number) % 7],
            "responded_at": f"2026-01-{number % 28 + 1:02}T0{number // 28}:00:00Z",
        }
        for customer in range(customers)
        for number in range(ratings)
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def test_what_it_prints_is_a_part_of_a_policy() -> None:
    printed = run("-", stdin=history(30, 40))
    assert printed.exit_code == 0, printed.output
    assert printed.stdout.startswith(
        "# Fitted by csatwatch fit to 1,200 ratings of 30 customers, 2026-01-01 to 2026-01-28"
    )
    part = yaml.safe_load(printed.stdout)
    whole = yaml.safe_load(POLICY)
    whole["declining_trend"] |= part["declining_trend"]
    Path("policy.yaml").write_text(yaml.safe_dump(whole | {"usual_levels": part["usual_levels"]}), encoding="utf-8")
    policy = load_policy(Path("policy.yaml"))
    assert policy.declining_trend.threshold == part["declining_trend"]["threshold"]
    assert policy.usual_levels.categories.keys() == {"Größe: Billing"}


def test_json_says_the_same() -> None:
    Path("history.jsonl").write_text(history(30, 40), encoding="utf-8")
    found = json.loads(run("history.jsonl", "--json").stdout)
    part = yaml.safe_load(run("history.jsonl").stdout)
    assert {name: found[name] for name in part} == part
    assert (found["ratings"], found["customers"]) == (1_200, 30)


def test_histories_too_short_for_a_threshold_leave_it_out_and_say_so() -> None:
    printed = run("-", stdin=history(30, 10))
    assert printed.exit_code == 0, printed.output
    assert "threshold" not in yaml.safe_load(printed.stdout)["declining_trend"]
    assert "0 customers have 20 ratings or more, and it takes 20 to fit a threshold" in printed.stderr


def test_a_bad_line_is_reported_and_left_out() -> None:
    printed = run("-", stdin=history(30, 40) + "{}\n")
    assert printed.exit_code == 0
    assert "standard input:1201: event_type is missing" in printed.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        ((), "", "EVENTS is missing"),
        (("nowhere.jsonl",), "", "FILE is nowhere.jsonl: No such file"),
        (("history.txt",), "", "its ending does not say what is in it"),
        (("-",), "", "standard input: holds no record that can be used"),
        (("-",), history(5, 40), "standard input: holds ratings of 5 customers: at least 20 are needed"),
        (("-", "--policy", "nowhere.yaml"), "", "nowhere.yaml"),
    ],
)
def test_bad_input_ends_with_2_and_the_fix(arguments: tuple[str, ...], stdin: str, says: str) -> None:
    refused = run(*arguments, stdin=stdin)
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not refused.stdout
