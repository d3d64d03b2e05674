from web.security import HEADERS, allowed_hosts


def test_only_this_machines_own_names_are_answered_by_default() -> None:
    assert allowed_hosts(()) == ["127.0.0.1", "[::1]", "localhost"]


def test_the_name_that_people_use_is_answered_too() -> None:
    assert "csat.example.com" in allowed_hosts(["CSAT.example.com"])
    assert "[fd00::1]" in allowed_hosts(["fd00::1", "[fd00::1]"])


def test_every_interface_is_nobodys_name() -> None:
    assert allowed_hosts(["0.0.0.0", "::", "[::]", "*", ""]) == allowed_hosts(())  # noqa: S104 - refused


def test_nothing_is_loaded_from_elsewhere_and_nothing_inline() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
