"""Where is a Chromium that playwright can drive?"""

import shutil
from pathlib import Path

from tests.servers.unavailable import UnavailableError

FLAGS = (
    "--no-sandbox",  # containers and root have none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> Path:
    """The installed browser. Raises UnavailableError without one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    message = "no chromium on PATH: install Chromium"
    raise UnavailableError(message)
