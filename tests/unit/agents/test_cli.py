import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from agents.cli import program
from streams.access import PROCESSES
from streams.validate import validate

GOOD = {
    "event_type": "support_csat_received",
    "event_id": "e-1",
    "customer_id": "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11",
    "ticket_id": "T-1",
    "rating": 1,
    "responded_at": "2026-01-31T09:30:00Z",
}
UNUSED = "kafka://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, stdin: str | bytes = "", **settings: str) -> Result:
    env = {"CSATWATCH_KAFKA_URL": UNUSED, **{f"CSATWATCH_{name.upper()}": value for name, value in settings.items()}}
    return CliRunner().invoke(program, arguments, input=stdin, env=env)


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def lines(*events: object) -> str:
    return "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in events)


def all_commands(group: click.Group = program, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found, context = [path], click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found += all_commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


@pytest.mark.parametrize("command", all_commands(), ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert len(result.stdout.splitlines()) > 5


def test_each_command_is_listed_in_a_line_without_importing_it() -> None:
    listed = run("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == sorted(program.list_commands(click.Context(program)))
    assert not [line for line in listed if "..." in line or len(line) > 80]
    code = (
        "import sys; from agents.cli import program; program(['--help'], standalone_mode=False); "
        "sys.exit(sorted(m for m in sys.modules if m.startswith('agents.commands.')) != ['agents.commands.lazy'])"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_version() -> None:
    assert run("--version").stdout.startswith("csatwatch, version ")


@pytest.mark.parametrize("command", ["detect", "store", "deliver", "web", "topics create", "alerts tail", "publish -"])
def test_a_bad_setting_is_one_message(command: str) -> None:
    said = refused(run(*command.split(), partitions="many"))
    assert said.startswith("csatwatch: CSATWATCH_PARTITIONS is 'many': ")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("nonsense",), "No such command 'nonsense'"),
        (("publish",), "FILE is missing"),
        (("publish", "absent.jsonl"), "FILE is absent.jsonl: No such file or directory"),
        (("publish", "data.bin"), "FILE is data.bin: its ending does not say what is in it"),
        (("customers", "import"), "FILE is missing"),
        (("generate", "--events", "none"), "Invalid value for '--events': 'none'"),
        (("generate", "--events", "0"), "Invalid value for '--events': 0"),
        (("generate", "--now", "yesterday"), "Invalid value for '--now': 'yesterday'"),
        (("generate", "--publish", "--out", "x"), "--publish and --out: choose one"),
        (("generate", "--seed", "1", "--out", "no/such/place"), "no/such/place: cannot be written"),
        (("alerts", "tail", "--count", "0"), "Invalid value for '--count': 0"),
        (("up", "--port", "99999"), "Invalid value for '--port': 99999"),
    ],
)
def test_bad_arguments_name_the_field_and_the_value(arguments: tuple[str, ...], names: str) -> None:
    assert names in refused(run(*arguments))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rating": 7}, "rating is 7: "),
        ({"rating": "1"}, "rating is '1': "),
        ({"responded_at": "yesterday"}, "responded_at is 'yesterday': "),
        (
            {"responded_at": "2099-01-01T00:00:00Z"},
            "responded_at is 2099-01-01T00:00:00+00:00, more than an hour from now",
        ),
        ({"customer_id": "GlobalTech"}, "customer_id is 'GlobalTech': "),
        ({"event_type": "csat"}, "event_type is 'csat': it must be one of support_csat_received"),
        ({"ticket_category": "x" * 101}, "ticket_category is a text of 101 characters: "),
    ],
)
def test_a_bad_event_is_reported_with_its_line_and_nothing_is_sent(change: dict[str, object], said: str) -> None:
    stderr = refused(run("publish", "-", stdin=lines(GOOD, "", {**GOOD, **change})))
    assert f"csatwatch: standard input:3: {said}" in stderr
    assert "nothing was sent: mend 1 of 2 lines, or leave them out by --skip-bad" in stderr


def test_bad_lines_of_a_file_carry_its_name(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(lines(GOOD, "not json"))
    assert "csatwatch: events.jsonl:2: the value is not JSON: " in refused(run("publish", "events.jsonl"))


def test_many_bad_lines_are_not_all_shown() -> None:
    stderr = refused(run("publish", "-", stdin=lines(*["{}"] * 50)))
    assert stderr.count("standard input:") == 20
    assert "… and 30 more bad lines" in stderr


def test_a_customers_words_are_not_repeated_in_messages() -> None:
    stderr = refused(run("publish", "-", stdin=lines({**GOOD, "feedback": "private " * 4_000})))
    assert "feedback is a text of 32000 characters" in stderr
    assert "private" not in stderr


def test_only_bad_lines_leave_nothing_to_send() -> None:
    assert "holds no record that can be used" in refused(run("publish", "-", "--skip-bad", stdin="{}\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "events.csv: is empty: the first line names the columns"),
        ("rating,rating\n1,2\n", "events.csv:1: the column rating is there twice"),
        ("event_id,rating\ne-1,1,2\n", "events.csv:2: has 3 cells for 2 columns"),
        ("event_id,rating\n\ne-1,five\n", "events.csv:3: "),
        ("event_id\n\xff\n", "is not UTF-8"),
    ],
)
def test_a_bad_csv_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "events.csv").write_bytes(text.encode("latin-1"))
    assert said in refused(run("publish", "events.csv"))


def test_a_line_of_a_csv_is_that_of_its_first_cell(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text('event_id,feedback\ne-1,"two\nlines"\ne-2,one\n')
    stderr = refused(run("publish", "events.csv"))
    assert "events.csv:2: " in stderr
    assert "events.csv:4: " in stderr


def test_a_misspelt_column_is_said() -> None:
    result = run("publish", "-", "--format", "csv", stdin="event_id,raiting\ne-1,1\n")
    assert "the column 'raiting' is no field of an event: left out" in refused(result)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("GlobalTech,x,,", "customer_id is 'GlobalTech': "),
        (f"{GOOD['customer_id']},,,", "name is missing: add it"),
        (f"{GOOD['customer_id']},GlobalTech,much,", "arr is 'much': "),
        (f"{GOOD['customer_id']},GlobalTech,-1,", "arr is -1: "),
        (f"{GOOD['customer_id']},GlobalTech,1,dollars", "currency is 'dollars': "),
    ],
)
def test_a_bad_account_is_reported(row: str, said: str) -> None:
    text = f"customer_id,name,arr,currency\n{row}\n"
    stderr = refused(run("customers", "import", "-", "--format", "csv", stdin=text))
    assert f"csatwatch: standard input:2: {said}" in stderr


@pytest.mark.parametrize(("command", "column"), [("publish", "contact.email"), ("customers import", "csm.email")])
def test_a_template_names_every_column(command: str, column: str) -> None:
    result = run(*command.split(), "--template")
    assert result.exit_code == 0
    assert column in result.stdout.strip().split(",")


@pytest.mark.parametrize("command", ["topics create", "publish -", "alerts tail", "generate --publish --events 1"])
def test_a_broker_that_is_away_is_a_failure_with_its_fix(command: str) -> None:
    result = run(*command.split(), stdin=lines(GOOD))
    assert result.exit_code == 1
    assert f"csatwatch: Kafka at {UNUSED} cannot be used: 127.0.0.1:1: " in result.stderr
    assert result.stderr.rstrip().endswith("check CSATWATCH_KAFKA_URL")


def test_the_same_seed_generates_the_same_lines() -> None:
    arguments = ("generate", "--seed", "3", "--events", "50", "--customers", "5", "--now", "2026-03-01T12:00:00Z")
    first, second = run(*arguments), run(*arguments)
    assert first.exit_code == 0
    assert first.stdout == second.stdout
    assert [validate(line.encode()) for line in first.stdout.splitlines()]
    assert len(first.stdout.splitlines()) == 50


def test_a_seed_that_was_drawn_is_said() -> None:
    result = run("generate", "--events", "1")
    assert result.stderr.startswith("csatwatch: --seed ")


def test_accounts_are_written_beside_the_events(tmp_path: Path) -> None:
    result = run(
        "generate", "--seed", "3", "--events", "9", "--customers", "4", "--out", "e.jsonl", "--customers-out", "c.jsonl"
    )
    assert result.exit_code == 0
    assert len((tmp_path / "e.jsonl").read_text().splitlines()) == 9
    accounts = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    assert len({each["customer_id"] for each in accounts}) == 4


def test_check_names_a_bad_setting() -> None:
    result = run("check", partitions="0")
    assert result.exit_code == 2
    assert result.stdout.startswith("settings: failed: CSATWATCH_PARTITIONS is '0': ")


def test_check_names_a_bad_policy_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("policy: mine\nversion: 1\nseverity: {bands: []}\n")
    result = run("check", policy="policy.yaml", postgres_dsn="postgresql://nobody:secret@127.0.0.1:1/none")
    assert result.exit_code == 2
    assert "settings: ok\npolicy: failed: policy.yaml:" in result.stdout
    assert "workflows: ok\n" in result.stdout
    assert "kafka: failed: " in result.stdout


def test_check_fails_for_servers_that_are_away_without_showing_a_secret() -> None:
    result = run("check", postgres_dsn="postgresql://nobody:hunter2@127.0.0.1:1/none")
    assert result.exit_code == 1
    assert f"kafka: failed: {UNUSED}: 127.0.0.1:1: " in result.stdout
    assert (
        "postgres: failed: cannot be used (ConnectionRefusedError): start it, or correct CSATWATCH_POSTGRES_DSN"
        in result.stdout
    )
    assert "slack: not set up" in result.stdout
    assert "hunter2" not in result.output


def test_the_rights_are_printed_for_one_process_or_for_all() -> None:
    printed = run("topics", "acls", "--process", "store", "--principal", "User:CN={process}", topic_prefix="acme.")
    assert printed.exit_code == 0, printed.output
    assert printed.stdout.splitlines() == [
        "# store",
        "kafka-acls.sh --add --allow-principal User:CN=store --operation Read --topic acme.csat-events",
        "kafka-acls.sh --add --allow-principal User:CN=store --operation Read --topic acme.customers",
        "kafka-acls.sh --add --allow-principal User:CN=store --operation Read --group csatwatch-store",
    ]
    everything = run("topics", "acls").stdout
    assert everything.count("# ") == len(PROCESSES)
    assert "--transactional-id csatwatch-detect- --resource-pattern-type prefixed" in everything


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("yesterday", "--to is 'yesterday': must be a time with its zone, like 2026-05-12T09:30Z"),
        ("2026-05-12T09:30", "must be a time with its zone"),
        ("2999-01-01T00:00Z", "must be in the past"),
    ],
)
def test_a_rewind_wants_a_moment_that_was(given: str, says: str) -> None:
    assert says in refused(run("state", "rewind", "--to", given))
