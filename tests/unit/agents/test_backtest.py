"""`csatwatch backtest` as a person or a program runs it."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agents.cli import program
from agents.commands import backtest_shares
from agents.commands.backtest_shares import share_of
from agents.commands.backtest_table import table
from agents.commands.by_time import by_time
from agents.commands.input_file import Line
from schemas.alert import Alert
from schemas.policy import load_policy
from streams.memory import MemoryStates
from tests.figures import figures
from tests.unit.streams.backtest.histories import CUSTOMERS, history, lines, rated

GOLDEN = Path(__file__).parents[2] / "golden" / "backtest"
POLICY = (Path(__file__).parents[3] / "schemas" / "policy.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, stdin: str | bytes = "", **settings: str) -> Result:
    env = {f"CSATWATCH_{name.upper()}": value for name, value in settings.items()}
    return CliRunner().invoke(program, ["backtest", *arguments], input=stdin, env=env)


def written(name: str, *events: object) -> str:
    text = "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in events)
    Path(name).write_text(text, encoding="utf-8")
    return name


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def alerts(result: Result) -> list[Alert]:
    assert result.exit_code == 0, result.output
    return [Alert.from_json(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("policies", [1, 2])
def test_the_table(policies: int) -> None:
    assert table(figures(policies)) == (GOLDEN / f"policies_{policies}.txt").read_text(encoding="utf-8")


def test_json_is_what_the_pipeline_publishes() -> None:
    from streams.pipeline import Pipeline

    events = history(1, 200, days=150, late=3)
    found = run(written("history.jsonl", *events), "--json")
    outcome = Pipeline(load_policy(None), 1).process(lines(events), 0, MemoryStates(), {}, None)
    assert found.stdout_bytes == b"".join(each.value + b"\n" for each in outcome.raised)
    assert {alert.kind for alert in alerts(found)} == {"poor_rating", "declining_trend"}


def test_the_same_history_gives_the_same_bytes() -> None:
    name = written("history.jsonl", *history(2, 100, days=150, late=3))
    assert run(name, "--json").stdout_bytes == run(name, "--json").stdout_bytes


def test_several_processes_say_what_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest_shares, "BATCH", 64)
    events = history(3, 400, days=150, late=3)
    shouted = [{**each, "customer_id": each["customer_id"].upper()} for each in events[::7]]
    name = written("history.jsonl", *events[:200], "{", '{"customer_id": 1}', *events[200:], *shouted)
    policy = Path("strict.yaml")
    policy.write_text(POLICY.replace("at_most: 2", "at_most: 1").replace("policy: default", "policy: strict"))
    shipped = Path("shipped.yaml")
    shipped.write_text(POLICY)
    both = "--policy", str(shipped), "--policy", str(policy)
    found = []
    for count in ("1", "2"):
        table_of, records = (run(name, *both, "--workers", count, *more) for more in ((), ("--json",)))
        assert (table_of.exit_code, records.exit_code) == (0, 0), table_of.output
        found.append((table_of.stdout, table_of.stderr, records.stdout_bytes))
    assert found[0] == found[1]
    assert "history.jsonl:201: the value is not JSON" in found[0][1]
    assert len(found[0][2].splitlines()) > 50


def test_a_customer_is_one_process_own() -> None:
    names = [f"{n:08x}-0000-4000-8000-00000000000a" for n in range(200)]
    lines_of = [json.dumps({"event_type": "x", "customer_id": name}).encode() for name in names]
    found = [share_of(line, 4) for line in lines_of]
    assert found == [share_of(line.replace(b"-00000000000a", b"-00000000000A"), 4) for line in lines_of]
    assert all(found.count(share) > 20 for share in range(4))
    assert share_of(b"{", 4) == 0


@pytest.mark.parametrize(("arguments", "word"), [(("-",), "standard input"), (("h.jsonl", "--by-time"), "--by-time")])
def test_what_can_be_read_once_is_for_one_process(arguments: tuple[str, ...], word: str) -> None:
    written("h.jsonl", rated(1, 0))
    assert f"--workers is 2: with {word}" in refused(run(*arguments, "--workers", "2", stdin=json.dumps(rated(1, 0))))


def test_a_csv_that_breaks_off_is_said_by_any_number_of_processes() -> None:
    Path("history.csv").write_text("event_id,rating\na,1\nb,2,3\n", encoding="utf-8")
    assert "history.csv:3: has 3 cells" in refused(run("history.csv", "--workers", "2"))


def test_a_csv_is_read_as_publish_reads_it() -> None:
    columns = ("event_id", "customer_id", "ticket_id", "rating", "responded_at", "contact.email", "colour")
    out = io.StringIO()
    rows = csv.DictWriter(out, columns, extrasaction="ignore")
    rows.writeheader()
    rows.writerow({**rated(1, 0), "contact.email": "pat@example.com", "colour": "red"})
    Path("history.csv").write_text(out.getvalue(), encoding="utf-8")
    found = run("history.csv", "--json")
    (alert,) = alerts(found)
    assert alert.contact is not None
    assert alert.contact.email == "pat@example.com"
    assert "the column 'colour' is no field of an event: left out" in found.stderr


def test_bad_lines_are_reported_and_left_out() -> None:
    found = run("-", "--json", stdin=f"{json.dumps(rated(1, 0))}\n\nnot json\n{json.dumps(rated(9, 1))}\n")
    assert len(alerts(found)) == 1
    assert "csatwatch: skipped: standard input:3: the value is not JSON: " in found.stderr
    assert "csatwatch: skipped: standard input:4: rating is 9: " in found.stderr
    assert "2 lines left out" in run("-", stdin=f"{json.dumps(rated(1, 0))}\n\n{{\n[]\n").stdout


def test_many_bad_lines_are_not_all_shown() -> None:
    found = run("-", "--json", stdin=json.dumps(rated(1, 0)) + "\n" + "{}\n" * 50)
    assert found.stderr.count("standard input:") == 20
    assert "… and 30 more bad lines" in found.stderr


def test_accounts_decide_severity_and_who_is_told() -> None:
    name = written("history.jsonl", rated(1, 0), rated(1, 0, CUSTOMERS[1]))
    Path("accounts.csv").write_text(
        "customer_id,name,arr,currency,csm.name,csm.email\n"
        f"{CUSTOMERS[0]},GlobalTech,175000,USD,Ana Diaz,ana@example.com\n"
        "nobody,Nobody,,,,\n",
        encoding="utf-8",
    )
    found = run(name, "--customers", "accounts.csv", "--json")
    assert [(a.severity, a.customer and a.customer.name) for a in alerts(found)] == [
        ("critical", "GlobalTech"),
        ("high", None),
    ]
    assert "csatwatch: skipped: accounts.csv:3: customer_id is 'nobody'" in found.stderr
    shown = run(name, "--customers", "accounts.csv").stdout.splitlines()
    assert {line.split("  ")[1] for line in shown if "(at most" in line} == {"Ana Diaz", "unowned"}


def test_the_policy_of_the_settings_is_the_default() -> None:
    name = written("history.jsonl", rated(3, 0))
    Path("mine.yaml").write_text(POLICY.replace("policy: default", "policy: mine"), encoding="utf-8")
    assert "mine 1" in run(name, policy="mine.yaml").stdout
    assert "default 1" in run(name).stdout


def test_two_policies_side_by_side() -> None:
    Path("a.yaml").write_text(POLICY, encoding="utf-8")
    Path("b.yaml").write_text(POLICY.replace('version: "1"', 'version: "2"').replace("at_most: 2", "at_most: 1"))
    name = written("history.jsonl", rated(1, 0), rated(2, 5), rated(2, 90))
    both = ("--policy", "a.yaml", "--policy", "b.yaml")
    assert [a.policy.version for a in alerts(run(name, *both, "--json"))] == ["1", "2", "1", "1"]
    shown = run(name, *both, "--summary-json", "figures.json").stdout
    assert "default 1" in shown
    assert "default 2" in shown
    saved = json.loads(Path("figures.json").read_text(encoding="utf-8"))
    assert [each["alerts"] for each in saved["policies"]] == [3, 1]
    assert saved["policies"][0]["difference"]["alone"] == {"poor_rating": 1}
    assert saved["within_days"] == 30


def test_sorted_by_time_it_is_as_if_it_had_come_in_order() -> None:
    events = history(3, 200, days=150, late=20)
    at = [event.get("responded_at") or event.get("closed_at") or event["escalated_at"] for event in events]
    ordered = [event for _, _, event in sorted(zip(at, range(len(at)), events, strict=True), key=lambda e: e[:2])]
    assert ordered != events
    found = run(written("history.jsonl", *events), "--by-time", "--json")
    assert found.stdout == run(written("ordered.jsonl", *ordered), "--json").stdout


def test_sorting_goes_by_way_of_files_and_keeps_what_has_no_time_in_its_place() -> None:
    days = [5, 3, 9, 3, 1]
    given = [Line(i, json.dumps(rated(5, day)).encode()) for i, day in enumerate(days, 1)]
    given.insert(2, Line(99, b"not json"))
    for run_bytes in (300, 1_000_000):
        with by_time(given, run_bytes=run_bytes) as (count, ordered):
            assert count == 6
            assert [each.number for each in ordered] == [5, 2, 4, 99, 1, 3]


def test_a_page_is_written() -> None:
    assert run(written("history.jsonl", rated(1, 0)), "--html", "page.html").exit_code == 0
    assert Path("page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_no_figures_without_an_event() -> None:
    assert "standard input: holds no record that can be used" in refused(run("-", stdin="{\n"))
    assert "standard input: holds no record that can be used" in refused(run("-"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "EVENTS is missing: name a file, or - for standard input"),
        (("absent.jsonl",), "FILE is absent.jsonl: No such file or directory"),
        (("history.bin",), "FILE is history.bin: its ending does not say what is in it"),
        (("-", "--customers", "-"), "EVENTS and --customers are both -"),
        (("-", "--customers", "absent.csv"), "FILE is absent.csv: No such file or directory"),
        (("-", "--policy", "absent.yaml"), "absent.yaml: cannot be read: No such file or directory"),
        (("-", "--policy", "bad.yaml"), "bad.yaml:1: version: is missing: add it"),
        (("-", "--policy", "a.yaml", "--policy", "a.yaml"), "both files hold policy default, version 1: change one"),
        (("-", *(("--policy", "a.yaml") * 3)), "--policy is given 3 times"),
        (("-", "--html", "no/such/place.html"), "no/such/place.html: cannot be written: No such file or directory"),
        (("-", "--summary-json", "no/figures.json"), "no/figures.json: cannot be written"),
        (("-", "--within", "0"), "Invalid value for '--within': 0"),
    ],
)
def test_bad_input_is_one_message(arguments: tuple[str, ...], said: str) -> None:
    Path("a.yaml").write_text(POLICY, encoding="utf-8")
    Path("bad.yaml").write_text("policy: bad\n", encoding="utf-8")
    assert said in refused(run(*arguments, stdin=json.dumps(rated(1, 0))))
