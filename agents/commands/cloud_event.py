"""CloudEvents 1.0, binary mode: what a record is, in its headers; the value stays plain JSON.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Sequence
from datetime import datetime


def headers(*, event_id: str, event_type: str, source: str, at: datetime | None) -> Sequence[tuple[str, bytes]]:
    """The headers of an event; `source` is a URI reference that names who says it."""
    named = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": source,
        "ce_type": event_type,
        "content-type": "application/json",
        **({"ce_time": at.isoformat()} if at is not None else {}),
    }
    return [(name, value.encode()) for name, value in named.items()]
