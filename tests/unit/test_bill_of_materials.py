"""`make sbom` lists what an image holds: every locked package with its version and its hashes."""

import json
import re
import subprocess
from pathlib import Path

from tests.unit.test_licences import locked

_ROOT = Path(__file__).parents[2]


def test_every_locked_package_is_in_it() -> None:
    subprocess.run(["make", "--no-print-directory", "--silent", "sbom"], cwd=_ROOT, check=True)
    bill = json.loads((_ROOT / "dist" / "sbom.json").read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "csatwatch")
    components = {re.sub(r"[-_.]+", "-", each["name"]).lower(): each for each in bill["components"]}
    assert components.keys() == {re.sub(r"[-_.]+", "-", name) for name in locked("requirements.txt")}
    for each in components.values():
        assert each["purl"] == f"pkg:pypi/{each['name'].lower().replace('_', '-')}@{each['version']}"
        assert each["externalReferences"][0]["hashes"]
