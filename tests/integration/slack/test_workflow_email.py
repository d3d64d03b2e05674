"""An e-mail is sent without a person only where a workflow says so, and nobody has the alert in hand by that."""

from pathlib import Path

import pytest

from schemas.action import ActionKind
from schemas.life import HANDLED
from tests.integration.slack.house import House
from tests.integration.slack.test_clicks import ALERT

WORKFLOW = Path(__file__).parents[3] / "workflows" / "support_satisfaction_response.yaml"


@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
async def test_the_workflows_email_goes_out_once_and_the_alert_stays_open(house: House, tmp_path: Path) -> None:
    own = tmp_path / "workflows"
    own.mkdir()
    (own / "own.yaml").write_text(WORKFLOW.read_text().replace("action: draft_email", "action: send_email"))
    house.settings["CSATWATCH_WORKFLOWS"] = str(own)
    async with house.process("deliver") as deliver:
        await house.publish(ALERT)
        await house.message(saying="E-mail sent by the workflow support_satisfaction_response on")
        (message,) = house.mail.box.messages
        assert message["From"] == "Ana Diaz <ana@example.com>"
        assert message["To"] == "Pat Lee <pat@globaltech.example>"
        kinds = [ActionKind.WORKFLOW_EMAIL_REQUESTED, ActionKind.WORKFLOW_EMAIL_SENT]
        assert await house.stored(*kinds) == [each.value for each in kinds]
        assert not set(kinds) & set(HANDLED)
        # The next revision changes the message, and sends nothing more.
        await house.publish(ALERT.model_copy(update={"revision": 2, "feedback": "Still waiting."}))
        await house.message(saying="Still waiting.")
        deliver.kill()
        await deliver.start().ready()
        await house.publish(ALERT.model_copy(update={"revision": 3, "feedback": "And waiting."}))
        await house.message(saying="And waiting.")
    assert len(house.mail.box.messages) == 1
    assert await house.pool.fetchval("select count(*) from actions") == 2
