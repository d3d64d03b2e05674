"""A real OpenID provider, panva's certified oidc-provider in Node.js, for tests."""

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp

from tests.servers.ports import free_ports
from tests.servers.tied import spawn
from tests.servers.unavailable import UnavailableError
from tests.servers.wait import until

_HERE = Path(__file__).parent / "oidc_provider"
_ACTION = re.compile(r'<form[^>]* action="([^"]+)"')
_FORMS = 5  # more in a row are a circle


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """What a client of it needs to know. It wants PKCE of everybody."""

    issuer: str
    client_id: str
    secret: str


def installed(directory: Path) -> Path:
    """The provider's program and its packages in `directory`. Raises `UnavailableError`."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise UnavailableError(f"no {program} on PATH: install Node.js with npm")
    for file in _HERE.iterdir():
        shutil.copy(file, directory)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError(f"npm cannot install the OpenID provider here: {done.stderr[-2000:]}")
    return directory


@asynccontextmanager
async def oidc_provider(
    program: Path, back: str, accounts: Mapping[str, Mapping[str, Any]]
) -> AsyncIterator[OidcProvider]:
    """A provider with one client, which people come `back` to, and these accounts' claims by their names."""
    (port,) = free_ports(1)
    known = OidcProvider(f"http://127.0.0.1:{port}", "csatwatch", "a secret of the client's")
    client = {"client_id": known.client_id, "client_secret": known.secret, "redirect_uris": [back]}
    config = program / f"{port}.json"
    config.write_text(
        json.dumps({"issuer": known.issuer, "port": port, "clients": [client], "accounts": dict(accounts)})
    )
    log = program / f"{port}.log"
    with log.open("wb") as output:
        process = spawn(["node", "provider.mjs", config.name], output=output, cwd=program)
    try:
        async with aiohttp.ClientSession(known.issuer) as http:
            await until(lambda: process.poll() is not None or _answers(http), what="the provider answers")
        assert process.poll() is None, log.read_text()
        yield known
    finally:
        process.kill()
        process.wait()


async def say_who(http: aiohttp.ClientSession, address: str, account: str) -> aiohttp.ClientResponse:
    """Open `address`, go through the provider's forms as `account`, and return where that ends.

    The client's cookies have to be kept for addresses without names.
    """
    answer = await http.get(address, headers={"Accept": "text/html"})
    for _ in range(_FORMS):
        text = await answer.text()
        found = _ACTION.search(text)
        if found is None or "/interaction/" not in found[1]:
            return answer
        prompt = {"prompt": "login", "login": account, "password": "any"}
        form = prompt if 'name="login"' in text else {"prompt": "consent"}
        answer = await http.post(urljoin(str(answer.url), found[1]), data=form, headers={"Accept": "text/html"})
    raise AssertionError("the provider asks on and on")


async def _answers(http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get("/.well-known/openid-configuration") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
