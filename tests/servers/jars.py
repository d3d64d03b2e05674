"""Where are the jars that a pom names?"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers.unavailable import UnavailableError


def resolve(pom: Path, java: Path) -> Path:
    """The directory with the jars of `pom`, fetched by Maven once a content of the pom.

    Runs in parallel wait for the first. Raises UnavailableError where there is no Maven, or where
    it cannot fetch them.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "csatwatch"
    jars = caches / f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}"
    if jars.is_dir():
        return jars
    caches.mkdir(parents=True, exist_ok=True)
    with jars.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the kernel if this process dies
        if not jars.is_dir():
            with tempfile.TemporaryDirectory(dir=caches, prefix=f"{jars.name}.") as partial:
                fetched = Path(partial) / "jars"
                _copy_dependencies(pom, java, fetched)
                fetched.rename(jars)  # all of them or none
    return jars


def _copy_dependencies(pom: Path, java: Path, to: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        message = "no mvn on PATH to fetch Kafka's jars with: install Maven"
        raise UnavailableError(message)
    env = dict(os.environ)
    if shutil.which("java") is None:
        env.setdefault("JAVA_HOME", str(java.parent.parent))
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={to}", "-DincludeScope=runtime"]
    done = subprocess.run(
        [maven, "-B", "-q", "-f", pom, *goal],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        message = f"Maven could not fetch Kafka's jars: {(done.stdout + done.stderr)[-2000:]}"
        raise UnavailableError(message)
