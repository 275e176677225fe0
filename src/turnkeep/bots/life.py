"""A bot's life between its start and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


async def live(listening: Coroutine[Any, Any, None], stop: asyncio.Event, ending: Callable[[], Awaitable[None]]) -> None:
    """Listen until `stop` is set, then end. Raises what ended the listening, if it was not us."""
    task, stopping = asyncio.create_task(listening), asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    task.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    await ending()
    found = (await asyncio.gather(task, return_exceptions=True))[0]
    if isinstance(found, Exception):
        raise found
