from datetime import date

import pytest

from schemas.alert import Alert
from schemas.customer import Person
from schemas.notify import Away
from schemas.policy import load_policy
from streams.acting import Actor, Rights, may_act
from tests.alerts import CSM, CUSTOMER, alert

POLICY = load_policy(None)
RIGHTS = Rights(
    managers=frozenset({"boss@example.com", "u0chief"}),
    channels=frozenset({"CMANAGERS"}),
    unowned=frozenset({"CQUEUE"}),
)
OWNED = alert(
    customer=CUSTOMER.model_copy(
        update={
            "csm": CSM.model_copy(update={"slack_user_id": "U0ANA"}),
            "deputy": Person(name="Bo", email="bo@example.com"),
        }
    )
)
UNOWNED = alert(customer=CUSTOMER.model_copy(update={"csm": None}))


@pytest.mark.parametrize(
    ("actor", "of", "may"),
    [
        (Actor("U0ANA"), OWNED, True),
        (Actor("U1", email="Ana@Example.com"), OWNED, True),
        (Actor("U1", email="bo@example.com"), OWNED, True),
        (Actor("U1", email="BOSS@example.com"), OWNED, True),
        (Actor("U0CHIEF"), OWNED, True),
        (Actor("U1", channel="CMANAGERS"), OWNED, True),
        (Actor("U1", email="mallory@example.com"), OWNED, False),
        (Actor("U1"), OWNED, False),
        (Actor("U1", email=""), OWNED, False),
        (Actor("U1", channel="CQUEUE"), OWNED, False),
        (Actor("U1", channel="CQUEUE"), UNOWNED, True),
        (Actor("U1", channel="CQUEUE"), alert(customer=None), True),
        (Actor("U1", email="ana@example.com"), UNOWNED, False),
    ],
)
def test_only_those_in_charge_may_act(actor: Actor, of: Alert, may: bool) -> None:
    assert may_act(actor, of, POLICY, RIGHTS) is may


def test_without_any_rights_nobody_else_may() -> None:
    assert not may_act(Actor("U1", email="x@example.com", channel="C1"), OWNED, POLICY, Rights())


def test_who_stands_in_for_this_csm_may_act() -> None:
    stand_in = Person(name="Cleo", email="cleo@example.com")
    away = Away(csm="ANA@example.com", first=date(2026, 5, 1), last=date(2026, 5, 2), deputy=stand_in)
    policy = POLICY.model_copy(update={"notify": POLICY.notify.model_copy(update={"away": (away,)})})
    assert may_act(Actor("U1", email="cleo@example.com"), OWNED, policy, Rights())
    assert not may_act(Actor("U1", email="cleo@example.com"), OWNED, POLICY, Rights())
    assert not may_act(Actor("U1", email="cleo@example.com"), UNOWNED, policy, Rights())
