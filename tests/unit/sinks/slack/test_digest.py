import json
from pathlib import Path

import pytest

from schemas.alert import Kind
from schemas.digest import Digest, Part, Standing
from schemas.policy import WeeklyDigest
from sinks.base import Permanent
from sinks.slack import as_text, message, templates
from sinks.slack.digest import summary
from tests.deliveries import delivery
from tests.digests import POLICY, account, digest, everything, fallen
from tests.servers import slack_limits
from tests.unit.sinks.slack.test_layout import HOSTILE

GOLDEN = Path(__file__).parents[3] / "golden" / "slack"
ROOMY = POLICY.model_copy(update={"digest": WeeklyDigest(most=100)})


def crowd(many: int, name: str = "A company with a name of some length, of the usual kind, Incorporated") -> Digest:
    falling = [account(n, name=name, trend=fallen(n)) for n in range(many)]
    quiet = [account(1000 + n, name=name, last_rating_at=None) for n in range(many)]
    return digest(*falling, *quiet, policy=ROOMY)


def test_a_week_line_by_line() -> None:
    assert as_text(message(everything())).splitlines() == (GOLDEN / "weekly_digest.txt").read_text().splitlines()


def test_a_week_block_by_block() -> None:
    assert message(everything()).as_json() == json.loads((GOLDEN / "weekly_digest.json").read_text())


def test_the_notification_says_how_many_of_what() -> None:
    assert message(everything()).text == (
        "Your Week in Support Satisfaction: 2026-W20: 3 falling, 1 maybe falling, 1 waiting for you, "
        "1 without an answer, 1 recovered, 1 quiet"
    )


def test_a_week_with_nothing_in_it_is_one_line() -> None:
    shown = as_text(message(digest())).split("\n\n")
    assert len(shown) == 2
    assert shown[1].startswith("Nothing to report")
    assert summary(digest()) == "nothing to report"


@pytest.mark.parametrize("made", [everything(), digest(), crowd(1), crowd(40), crowd(100), crowd(40, HOSTILE * 2)])
def test_slack_takes_it(made: Digest) -> None:
    sent = message(made)
    assert slack_limits.complaints(sent.as_json()) == []
    assert slack_limits.text_length(sent.as_json()) < 10_000


@pytest.mark.parametrize("many", [1, 20, 40, 100])
def test_each_account_is_shown_or_counted(many: int) -> None:
    shown = as_text(message(crowd(many))).splitlines()
    starts = {Part.FALLING: f"*Falling* ({many})", Part.QUIET: f"*Quiet* ({many})"}
    first, second = (shown.index(start) for start in starts.values())
    for lines in (shown[first + 1 : second], shown[second + 1 :]):
        named = sum(line.startswith("• ") for line in lines)
        left = [int(line.split()[2].replace(",", "")) for line in lines if line.startswith("… and ")]
        assert named + sum(left) == many
    assert sum(line.startswith("• ") for line in shown[first + 1 : second]) >= min(many, 20)


def test_what_the_policy_left_out_is_counted() -> None:
    made = digest(*(account(n, last_rating_at=None) for n in range(15)))
    shown = as_text(message(made))
    assert "*Quiet* (15)" in shown
    assert "… and 5 more" in shown


def test_a_name_has_no_effect() -> None:
    sent = message(digest(account(1, name=HOSTILE, trend=fallen())))
    raw = "".join(block.get("text", {}).get("text", "") for block in sent.as_json()) + sent.text
    for sign in ("<", ">", "@everyone", "\u202e", "\u2066", "\x00", "\x07", "\x1b"):
        assert sign not in raw
    assert "&lt;!channel&gt;" in raw


@pytest.mark.parametrize("bare", [account(1, name=None, arr=None, currency=None, trend=fallen())])
def test_what_is_not_known_is_left_out(bare: Standing) -> None:
    shown = as_text(message(digest(bare)))
    assert "None" not in shown
    assert "• Customer 00000000…: Down 27%" in shown


def test_its_template_is_for_digests_alone() -> None:
    assert "support_weekly_digest" in templates(Kind.WEEKLY_DIGEST)
    for kind in (Kind.POOR_RATING, Kind.DECLINING_TREND):
        assert not set(templates(kind)) & set(templates(Kind.WEEKLY_DIGEST))


def test_what_is_done_for_a_customer_is_refused() -> None:
    with pytest.raises(Permanent, match="no customer"):
        _ = delivery(alert=everything()).about_customer
