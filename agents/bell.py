"""Wakes a Faust agent."""

import asyncio

import faust


class Bell:
    """Wakes a sink agent through its in-memory channel; rings that come before it is heard are one."""

    def __init__(self, app: faust.App) -> None:
        self.channel = app.channel()
        self._ringing: asyncio.Task[object] | None = None

    def ring(self) -> None:
        """Wake it."""
        if self._ringing is None:
            self._ringing = asyncio.get_running_loop().create_task(self._send())

    def heard(self) -> None:
        """It is awake: the next ring is a new one."""
        self._ringing = None

    async def _send(self) -> None:
        await self.channel.send(value=True)
