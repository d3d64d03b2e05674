"""Where the peers live, and how they get there."""

import shutil
import subprocess
import sys
from pathlib import Path

import click

from tests.servers.jars import resolve
from tests.servers.java import java

_HERE = Path(__file__).parent
_ENVIRONMENT = _HERE / ".venv"
_KAFKA_STREAMS = _HERE / "peers" / "kafka_streams"

PYTHON = _ENVIRONMENT / "bin" / "python"
CLASSES = _ENVIRONMENT / "classes"


def jars() -> Path:
    """The directory with the jars of the Kafka Streams peer; fetched by Maven the first time."""
    return resolve(_KAFKA_STREAMS / "pom.xml", java())


def install() -> None:
    """Make the peers' environment from its lock, and compile the one in Java. Raises click.ClickException."""
    click.echo(f"setup: the peers' packages, into {_ENVIRONMENT.relative_to(_HERE.parent)}")
    subprocess.run([sys.executable, "-m", "venv", _ENVIRONMENT], check=True)
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "--require-hashes", "--no-deps", "--requirement", _HERE / "requirements.txt"], check=True)
    javac = shutil.which("javac")
    if javac is None:
        raise click.ClickException("no javac on PATH to compile the Kafka Streams peer with: install a JDK")
    click.echo("setup: Kafka Streams")
    source = _KAFKA_STREAMS / "CsatStreams.java"
    subprocess.run([javac, "-cp", f"{jars()}/*", "-d", CLASSES, source], check=True)


def require() -> None:
    """Raises click.ClickException where `install` has not run."""
    if not CLASSES.exists():
        raise click.ClickException("the peers are not here yet: run `python -m bench setup`")
