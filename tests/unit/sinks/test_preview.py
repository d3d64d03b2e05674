from schemas.alert import Status
from sinks.base import PREVIEW, Receipt
from sinks.preview import Preview
from tests.alerts import alert
from tests.deliveries import delivery


async def test_a_preview_is_the_same_each_time_and_notifies_nobody() -> None:
    first, again = await Preview().send(delivery()), await Preview().send(delivery(shown_revision=1))
    assert isinstance(first, Receipt)
    assert first == again
    assert (first.destination, first.csm_notified) == (PREVIEW, False)


async def test_two_alerts_have_two_previews() -> None:
    receipts = [await Preview().send(delivery(alert(response=response))) for response in ("a", "b")]
    assert len({receipt.external_id for receipt in receipts if receipt}) == 2


async def test_what_is_over_before_it_was_shown_has_none() -> None:
    over = alert(revision=2, status=Status.RETRACTED)
    assert await Preview().send(delivery(over)) is None
    assert await Preview().send(delivery(over, shown_revision=1)) is not None
