"""The slash commands, as Discord wants them registered."""

from __future__ import annotations

from turnkeep.bots.texts import CATALOGUES, COMMANDS, Texts
from turnkeep.session import JsonObject

ASK, TEXT = "ask", "text"  # the command that is a message, and its one option
MAX_TEXT = 6000  # characters of an option
_COMMAND, _STRING = 1, 3
_GUILD, _DIRECT = 0, 1


def menu() -> list[JsonObject]:
    """Every command in every language that we have."""
    text = {"type": _STRING, "name": TEXT, "required": True, "max_length": MAX_TEXT, **_described("ask.text")}
    return [_command(ASK, [text]), *(_command(name, []) for name in COMMANDS)]


def _command(name: str, options: list[JsonObject]) -> JsonObject:
    where = {"contexts": [_GUILD, _DIRECT], "integration_types": [0]}
    return {"type": _COMMAND, "name": name, **_described(f"command.{name}"), "options": options, **where}


def _described(key: str) -> JsonObject:
    others = {language: Texts(language).say(key) for language in CATALOGUES if language != "en"}
    return {"description": Texts("en").say(key), "description_localizations": others}
