"""Server-sent events that never wait long for a browser."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.responses import StreamingResponse
from starlette.types import Message, Send

_SEND_SECONDS = 10.0


class EventStream(StreamingResponse):
    """Ends when the browser has not taken an event within ten seconds: it comes back by itself and catches up."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str, None]) -> None:
        super().__init__(events, headers={"X-Accel-Buffering": "no"})  # a proxy must not hold events back
        self._events = events

    async def stream_response(self, send: Send) -> None:
        """ASGI."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_SEND_SECONDS):
                await send(message)

        try:
            await super().stream_response(send_in_time)
        except TimeoutError:
            return
        finally:
            await self._events.aclose()  # at once, not when it is collected: it counts as a browser until then
