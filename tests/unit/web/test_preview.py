from schemas.alert import Alert
from schemas.digest import Digest
from tests.alerts import alert
from web.blockkit import Block
from web.preview import Remembered


def test_a_message_is_made_once_until_its_record_changes_and_the_oldest_is_forgotten() -> None:
    made: list[str] = []

    def message(said: Alert | Digest) -> list[Block]:
        assert isinstance(said, Alert)
        made.append(said.feedback or "nothing")
        return [{"type": "divider"}]

    remembered = Remembered(message, most=2)
    for words in ("a", "a", "b", "a", "c", "a", "b", None):
        assert remembered(alert(feedback=words)) == ({"type": "divider"},)
    assert made == ["a", "b", "c", "b", "nothing"]
