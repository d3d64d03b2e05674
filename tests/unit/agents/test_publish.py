"""What `csatwatch publish` makes of a line."""

import json

from agents.commands.publish import message
from streams.validate import validate
from tests.unit.streams.test_cloud_event import EVENT, around


def test_a_cloud_event_in_a_file_is_published_in_binary_mode() -> None:
    line = around(data=EVENT)
    sent = message(validate(line), line)
    assert json.loads(sent.value or b"") == EVENT
    assert ("ce_id", b"zendesk-8841") in sent.headers
    assert ("content-type", b"application/json") in sent.headers
