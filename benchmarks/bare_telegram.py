"""A bare echo bot: python-telegram-bot's `Application` with one handler, no database. `python -m benchmarks.bare_telegram URL TOKEN`."""

from __future__ import annotations

import sys

from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message is not None
    await update.message.reply_text(f"re {update.message.text}")


def main(url: str, token: str) -> None:
    """Poll the Bot API at that address until SIGTERM."""
    bot = Application.builder().token(token).base_url(f"{url}/bot").build()
    bot.add_handler(MessageHandler(filters.TEXT, answer))
    bot.run_polling()


if __name__ == "__main__":
    main(*sys.argv[1:])
