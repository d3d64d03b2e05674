"""Would a changed schema hurt those who wrote programs against the released one?

`python -m tests.contract.compatible` holds the models against tests/golden/schemas, where each schema version has the
schemas that were released with it; `… release` keeps the models' own there.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from schemas.alert import SCHEMA_VERSION
from schemas.export import documents
from tests.contract.narrower import Finding, Role, Sort, findings

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "tests" / "golden" / "schemas"
ROLES: Mapping[str, Role] = {
    "alerts.json": Role.CONSUMERS,
    "csat-trends.json": Role.CONSUMERS,
    "csm-actions.json": Role.CONSUMERS,
    "csat-events.json": Role.PRODUCERS,
    "customers.json": Role.PRODUCERS,
    # A file that was right stays right: whoever writes it is a producer.
    "policy.schema.json": Role.PRODUCERS,
    "workflow.schema.json": Role.PRODUCERS,
    "source.schema.json": Role.PRODUCERS,
}
_KEEP = (
    "Keep what was released. Where it cannot be kept: raise SCHEMA_VERSION in schemas/alert.py, keep the new schemas "
    "with `python -m tests.contract.compatible release`, and say in CHANGELOG.md what has to be done"
)
_SAY = "Say so first: a line under Unreleased in CHANGELOG.md with"


def mistakes(
    released: Mapping[str, str], now: Mapping[str, str], changelog: str, roles: Mapping[str, Role] = ROLES
) -> Iterator[str]:
    """What of `now` breaks programs written against `released` (texts of schemas by file name), and what to do."""
    unreleased = re.split(r"^## ", changelog, flags=re.MULTILINE)[1]
    for file, text in released.items():
        if file not in now:
            yield f"{file}: it is gone. {_KEEP}"
            continue
        for found in findings(json.loads(text), json.loads(now[file]), roles[file]):
            topic = file.partition(".")[0]
            if found.sort is not Sort.NEW_VALUE:
                yield f"{file}: {found}. {_KEEP}"
            elif not _said(unreleased, topic, found):
                yield f"{file}: {found}. {_SAY} {', '.join(_marks(topic, found))}"
    for file in now.keys() - released.keys():
        yield f"{file}: it is not among the released: `python -m tests.contract.compatible release`"


def _marks(topic: str, found: Finding) -> Iterable[str]:
    return f"`{topic}`", f"`{found.path.rpartition('.')[2].removesuffix('[]')}`", f"`{found.value}`"


def _said(unreleased: str, topic: str, found: Finding) -> bool:
    entries = re.split(r"^- ", unreleased, flags=re.MULTILINE)
    return any(all(mark in entry for mark in _marks(topic, found)) for entry in entries)


def released(version: int) -> Mapping[str, str]:
    """The texts of the schemas that were released as `version`, by file name; empty: there are none."""
    return {path.name: path.read_text(encoding="utf-8") for path in (RELEASED / str(version)).glob("*.json")}


def main(arguments: list[str]) -> int:
    """Check, or keep. Returns the exit code."""
    now, kept = documents(), released(SCHEMA_VERSION)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not kept and arguments != ["release"]:
        found = [f"version {SCHEMA_VERSION} has no released schemas: `python -m tests.contract.compatible release`"]
    else:
        found = list(mistakes(kept, now, changelog))
    if arguments == ["release"]:
        # What is new is kept by this very command.
        found = [each for each in found if "it is not among the released" not in each]
    if found:
        sys.stderr.write("\n".join(found) + "\n")
        return 1
    if arguments == ["release"]:
        directory = RELEASED / str(SCHEMA_VERSION)
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in now.items():
            (directory / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
