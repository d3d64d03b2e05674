"""A detector's app that is made and not started."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.app import build
from agents.settings import Settings
from agents.transport.app import BatchApp


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[BatchApp]:
    """Nothing of it is connected."""
    app = build(Settings(), "detect", data=tmp_path)
    yield app
    app.batches._thread.thread_loop.close()
