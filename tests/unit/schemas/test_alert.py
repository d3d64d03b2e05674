"""The ids of alerts: contracts for ever."""

from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from schemas.alert import NAMESPACE, Kind, alert_id, alert_id_text

CUSTOMER = "6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"


@given(st.sampled_from(Kind), st.text(min_size=1, max_size=50))
def test_an_id_is_the_uuid5_of_kind_customer_and_response(kind: Kind, response: str) -> None:
    expected = uuid5(NAMESPACE, f"{kind.value}|{CUSTOMER}|{response}")
    assert alert_id(kind, CUSTOMER, response) == expected
    assert alert_id_text(kind, CUSTOMER, response) == str(expected)


def test_the_ids_of_released_versions_stay() -> None:
    assert alert_id_text(Kind.POOR_RATING, CUSTOMER, "TKT-1") == "98fd9804-07bb-5bd2-a6c1-be341b365561"
