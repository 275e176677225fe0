"""Updates by long polling.

Invariant: the next call, by which Telegram forgets an update, is made only when all that the update says is taken in, durably.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError

from turnkeep.bots.inbox import FIRST_PAUSE, LAST_PAUSE, until_stored
from turnkeep.bots.telegram.sender import seconds_of
from turnkeep.errors import InvalidInput

log = logging.getLogger("turnkeep.bots")
POLL_SECONDS = 25
ALLOWED = ("message", "edited_message", "callback_query")


class Poller:
    """Hands each update to `take`, in order, for as long as it runs."""

    def __init__(self, bot: Bot, take: Callable[[Update], Awaitable[None]]) -> None:
        self.bot, self.take = bot, take
        self.polled = asyncio.Event()  # Telegram has answered once

    async def run(self) -> None:
        """Until it is cancelled. A token that Telegram does not know ends it; a network that is down does not."""
        offset, pause = 0, FIRST_PAUSE
        while True:
            try:
                updates = await self.bot.get_updates(offset, timeout=POLL_SECONDS, allowed_updates=ALLOWED)
            except InvalidToken:
                raise InvalidInput("telegram_token", "Telegram does not know this token") from None
            except Conflict:
                log.error("another program polls with this token; Telegram lets only one")
                pause = await _wait(pause)
            except RetryAfter as error:
                await _wait(seconds_of(error))
            except (NetworkError, TelegramError) as error:
                log.warning("no updates from Telegram: %s", error)
                pause = await _wait(pause)
            else:
                pause = FIRST_PAUSE
                self.polled.set()
                for update in updates:
                    await until_stored(partial(self.take, update), f"update {update.update_id}")
                    offset = update.update_id + 1


async def _wait(seconds: float) -> float:
    """Then the pause after the next failure."""
    await asyncio.sleep(seconds)
    return min(LAST_PAUSE, seconds * 2)
