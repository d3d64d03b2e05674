from datetime import UTC, datetime, timedelta

import pytest

from schemas import signature

# The example of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNED = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_the_specifications_example() -> None:
    key = signature.key(SECRET)
    assert signature.headers(key, SIGNED["webhook-id"], AT, BODY) == SIGNED
    assert signature.verify(key, SIGNED, BODY, AT) == SIGNED["webhook-id"]


def test_one_of_several_signatures_is_enough() -> None:
    several = SIGNED | {"webhook-signature": f"v1a,x v1,AAAA {SIGNED['webhook-signature']} v2,x"}
    assert signature.verify(signature.key(SECRET), several, BODY, AT)


@pytest.mark.parametrize(
    ("changes", "body", "late"),
    [
        ({}, BODY + b" ", 0),
        ({"webhook-id": "other"}, BODY, 0),
        ({"webhook-id": ""}, BODY, 0),
        ({"webhook-timestamp": "1614265331"}, BODY, 0),
        ({"webhook-timestamp": ""}, BODY, 0),
        ({"webhook-timestamp": "\u0661"}, BODY, 0),
        ({"webhook-timestamp": "9" * 400}, BODY, 0),
        ({"webhook-signature": ""}, BODY, 0),
        ({"webhook-signature": "v1,\u00e9"}, BODY, 0),
        ({"webhook-signature": SIGNED["webhook-signature"].replace("v1,", "v2,")}, BODY, 0),
        ({}, BODY, 301),
        ({}, BODY, -301),
    ],
)
def test_what_does_not_hold_is_refused(changes: dict[str, str], body: bytes, late: float) -> None:
    with pytest.raises(signature.BadSignature):
        signature.verify(signature.key(SECRET), SIGNED | changes, body, AT + timedelta(seconds=late))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!" * 9])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(signature.BadSecret, match="must be whsec_"):
        signature.key(secret)
