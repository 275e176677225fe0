"""The Telegram bot, killed again and again: see `tests.bots.killed`."""

from __future__ import annotations

from pathlib import Path

from tests.bots.killed import Asked, Killed

from turnkeep.bots.telegram.format import formatted
from turnkeep.testing.telegram import Chat, TelegramEmulator

PIECE = 4096  # characters; where the app cuts a paste


class KilledTelegram(Killed):
    """In private chats, with pastes."""

    name = "telegram"
    first_call = "getMe"
    kinds = (*Killed.kinds, "paste")
    emulator: TelegramEmulator

    def __init__(self, telegram: TelegramEmulator, folder: Path, chats: int, seed: int) -> None:
        super().__init__(telegram, folder, [telegram.private(telegram.user(f"U{at}")) for at in range(chats)], seed)

    def settings(self) -> dict[str, str]:
        return {"TURNKEEP_TELEGRAM_TOKEN": self.emulator.token, "TURNKEEP_TELEGRAM_API_URL": self.emulator.url}

    def says(self, chat: Chat, text: str) -> Asked:
        pieces = [chat.says(text[at : at + PIECE]) for at in range(0, len(text), PIECE)]
        return Asked(text, f"tg:{chat.id}:{pieces[0].id}")

    def parts(self, text: str) -> list[str]:
        return [part.text for part in formatted(text)]
