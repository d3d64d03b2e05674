from datetime import UTC, datetime, timedelta

from schemas.customer import Customer, Person
from sinks.customers import Account, customer_rows

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMER = "6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"


def account(name: str | None, minutes: int) -> Account:
    customer = None if name is None else Customer(customer_id=CUSTOMER, name=name)
    return Account(CUSTOMER, customer, NOON + timedelta(minutes=minutes))


def test_the_last_by_the_brokers_time_counts() -> None:
    (row,) = customer_rows([account("A", 1), account("B", 3), account("C", 2)])
    assert row["name"] == "B"


def test_at_one_time_the_greater_offset_counts() -> None:
    (row,) = customer_rows([account("A", 1), account("B", 1)])
    assert row["name"] == "B"


def test_a_deleted_account_is_an_empty_row() -> None:
    (row,) = customer_rows([account("A", 1), account(None, 2)])
    assert row["record"] == {}
    assert row.get("name") is None


def test_the_csm_is_in_columns_and_the_record_whole() -> None:
    csm = Person(name="Sam", email="sam@csatwatch.example", slack_user_id="U1")
    customer = Customer(customer_id=CUSTOMER, name="GlobalTech", arr=175000, currency="USD", csm=csm, tier="gold")
    (row,) = customer_rows([Account(CUSTOMER, customer, NOON)])
    assert (row["csm_name"], row["csm_email"], row["csm_slack_user_id"]) == ("Sam", "sam@csatwatch.example", "U1")
    assert Customer.model_validate(row["record"]) == customer
