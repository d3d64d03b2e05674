"""What each process may do in Postgres where it has a user of its own: the least that it works with, as data."""

import re
from collections.abc import Iterator, Mapping, Sequence

_READ = "select"
_WRITE = "select, insert, update"
_DELETE = "select, insert, update, delete"
_CHANGE = "select, update"

_KEPT_BY_TRIGGERS: Mapping[str, str] = {"support_months": _WRITE, "account_needs": _WRITE, "alert_revisions": _WRITE}
_RATINGS: Mapping[str, str] = {"customers": _WRITE, "tickets": _WRITE, "support_satisfaction": _WRITE}
_READ_BY_ALL = (
    *("customers", "tickets", "support_satisfaction", "support_months", "support_by_month", "account_needs"),
    *("alerts", "alert_revisions", "deliveries", "tasks", "email_drafts", "actions", "trends", "digests", "outcomes"),
    "system_actions",
)
_NEEDS: Mapping[str, Mapping[str, str]] = {
    # It takes out of every table what people said who were erased.
    "store": {
        **dict.fromkeys(_READ_BY_ALL, _READ),
        **_RATINGS,
        **_KEPT_BY_TRIGGERS,
        "erased_people": _WRITE,
        "fall_rules": _READ,
        **dict.fromkeys(("alerts", "deliveries", "tasks", "email_drafts", "actions", "digests"), _CHANGE),
        "migrations": _READ,
    },
    # It makes the rows that its own rows point to, where `store` is not that far.
    "deliver": {
        **dict.fromkeys(_READ_BY_ALL, _READ),
        **_RATINGS,
        **_KEPT_BY_TRIGGERS,
        **dict.fromkeys(("alerts", "deliveries", "tasks", "task_polls", "email_drafts", "actions"), _WRITE),
        **dict.fromkeys(("system_actions", "rewinds"), _WRITE),
        **dict.fromkeys(("trends", "digests", "outcomes", "fall_rules"), _DELETE),
        "digest_weeks": _WRITE,
        "erased_people": _READ,
        "migrations": _READ,
    },
    "web": dict.fromkeys(_READ_BY_ALL, _READ),
    "poll": {**dict.fromkeys(_RATINGS, _READ), "source_polls": _WRITE},
}
PROCESSES = tuple(_NEEDS)
"""`poll` stands for `csatwatch poll`."""
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def tables(process: str) -> Mapping[str, str]:
    """What a process may do, by table or view."""
    return _NEEDS[process]


def grants(roles: Mapping[str, str]) -> Iterator[str]:
    """The statements that give the role of each process its rights, and no more than those. May be run again.

    `roles`: by process. A role that is missing is made, without a password. Raises `ValueError` for what is no name.
    """
    for process, role in roles.items():
        if _NAME.fullmatch(role) is None:
            msg = f"{role!r} is no role's name: up to 63 of a-z, 0-9 and _, not beginning with a digit"
            raise ValueError(msg)
        yield (
            f"do $$ begin if not exists (select from pg_roles where rolname = '{role}') "
            f"then create role {role} login; end if; end $$;"
        )
        yield f"revoke all on all tables in schema public from {role};"
        yield f"grant usage on schema public to {role};"
        for rights, names in _by_rights(_NEEDS[process]).items():
            yield f"grant {rights} on {', '.join(names)} to {role};"


def _by_rights(needs: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for name, rights in needs.items():
        found.setdefault(rights, []).append(name)
    return found
