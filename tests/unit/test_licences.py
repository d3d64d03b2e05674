"""Every locked package is under a licence that csatwatch, under MIT, may be used and passed on with."""

import re
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import cast

import pytest

_ROOT = Path(__file__).parents[2]
_LOCKED = re.compile(r"^([a-z0-9._-]+)==", re.MULTILINE)
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU"),
    *("MPL-2.0", "PSF-2.0", "Python-2.0", "Repoze", "Unlicense", "ZPL-2.1"),
}
"""By their SPDX names, but for Repoze: BSD's three clauses and two on trademarks and on marking changes. MPL-2.0 wants
the changes of its own files published: there are none."""

_FOR_TESTS_ALONE = {"LGPL-2.1-or-later", "LGPL-3.0-or-later"}
"""Of libraries that the tests load and that no image holds."""
_BY_FILE = {"docutils": {"Public Domain", "GPL"}}
"""Packages whose files are under different licences: of docutils, GPL is a mode for Emacs. Beside what is allowed."""

# As packages without an SPDX expression say it, in free words and in classifiers.
_KNOWN: tuple[tuple[str, str], ...] = (
    (r"Apache( |-|$)|Apache Software License", "Apache-2.0"),
    (r"BSD[- ]2", "BSD-2-Clause"),
    (r"BSD", "BSD-3-Clause"),
    (r"MPL|Mozilla Public License 2\.0", "MPL-2.0"),
    (r"Python Software Foundation|PSF", "PSF-2.0"),
    (r"ISC", "ISC"),
    (r"ZPL|Zope", "ZPL-2.1"),
    (r"Repoze", "Repoze"),
    (r"Unlicense", "Unlicense"),
    (r"LGPL|Lesser General", "LGPL-2.1-or-later"),
    (r"\bGPL|General Public", "GPL"),
    (r"MIT", "MIT"),
)


def locked(name: str) -> set[str]:
    return set(_LOCKED.findall((_ROOT / name).read_text(encoding="utf-8")))


def licences(found: Distribution) -> set[str]:
    """What it may be used under; of alternatives all."""
    metadata = cast("Message", found.metadata)
    if expression := metadata.get("License-Expression"):
        return set(re.split(r"\s+(?:AND|OR|WITH)\s+", expression.replace("(", "").replace(")", "")))
    classifiers = [c for c in metadata.get_all("Classifier", []) if c.startswith("License ::")]
    said = [name for c in classifiers if not (name := c.rpartition(" :: ")[2]).endswith("pproved")] or [
        metadata.get("License", "").partition("\n")[0]
    ]
    return {next((spdx for words, spdx in _KNOWN if re.search(words, each)), each) for each in said}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_may_be_used(name: str) -> None:
    allowed = ALLOWED if name == "requirements.txt" else ALLOWED | _FOR_TESTS_ALONE
    wrong, looked_at = {}, 0
    for package in sorted(locked(name)):
        try:
            found = licences(distribution(package))
        except PackageNotFoundError:
            continue  # for another system
        looked_at += 1
        if not found or not found <= allowed | _BY_FILE.get(package, set()):
            wrong[package] = found
    assert looked_at > len(locked(name)) * 0.85
    assert wrong == {}
