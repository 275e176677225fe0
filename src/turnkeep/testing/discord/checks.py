"""What Discord refuses, and with which words.

Invariant: these functions look at what a bot sent and at nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from turnkeep.testing.discord.shapes import Json, Refused

MAX_CONTENT, MAX_NONCE, MAX_EMBEDS, MAX_DESCRIPTION, MAX_FILES, MAX_COMMANDS = 2000, 25, 10, 4096, 10, 100
MAX_FILE_BYTES = 10_485_760
KNOWN = {  # what tests may ask for: its status and words
    0: (500, "500: Internal Server Error"),
    10003: (404, "Unknown Channel"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    30046: (400, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50027: (401, "Invalid Webhook Token"),
    50033: (400, "Invalid Recipient(s)"),
    50035: (400, "Invalid Form Body"),
    160002: (400, "Cannot reply without permission to read message history"),
    50109: (400, "The request body contains invalid JSON."),
}
_LOCALES = (
    "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th zh-CN ja zh-TW ko"
)
_COMMAND = re.compile(r"[-_'\w]{1,32}")


def refusal(code: int) -> Refused:
    return Refused(KNOWN[code][0], code, KNOWN[code][1])


def invalid(field: str, code: str, message: str) -> Refused:
    """50035. `field`: the way to it, with dots."""
    errors: Json = {"_errors": [{"code": code, "message": message}]}
    for name in reversed(field.split(".")):
        errors = {name: errors}
    return Refused(KNOWN[50035][0], 50035, KNOWN[50035][1], errors)


def text_of(field: str, value: Any, most: int, least: int = 0) -> str:
    if not isinstance(value, str):
        raise invalid(field, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
    if len(value) > most:
        raise invalid(field, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
    if len(value) < least:
        raise invalid(field, "BASE_TYPE_REQUIRED", "This field is required")
    return value


def message(given: Json) -> Json:
    """The fields of a message that a bot gave, as they are shown."""
    found: Json = {}
    if "content" in given:
        found["content"] = text_of("content", given["content"] or "", MAX_CONTENT).strip()
    if "embeds" in given:
        found["embeds"] = _embeds(given["embeds"] or [])
    if "components" in given:
        found["components"] = _components(given["components"] or [])
    if given.get("nonce") is not None:
        found["nonce"] = text_of("nonce", str(given["nonce"]), MAX_NONCE)
    return found


def not_empty(raw: Json) -> None:
    if not any(raw.get(part) for part in ("content", "embeds", "attachments", "components", "sticker_items")):
        raise refusal(50006)


def _embeds(embeds: list[Json]) -> list[Json]:
    if len(embeds) > MAX_EMBEDS:
        raise invalid("embeds", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_EMBEDS} or fewer in length.")
    for at, one in enumerate(embeds):
        text_of(f"embeds.{at}.description", one.get("description", ""), MAX_DESCRIPTION)
    return embeds


def _components(rows: list[Json]) -> list[Json]:
    if len(rows) > 5:
        raise invalid("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    seen: set[str] = set()
    for where, button in _buttons(rows):
        custom_id = text_of(f"{where}.custom_id", button.get("custom_id"), 100, 1)
        text_of(f"{where}.label", button.get("label") or "", 80)
        if custom_id in seen:
            raise invalid(f"{where}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        seen.add(custom_id)
    return rows


def _buttons(rows: list[Json]) -> Iterator[tuple[str, Json]]:
    for at, row in enumerate(rows):
        for index, one in enumerate(row.get("components", ())):
            if one.get("type") == 2 and one.get("style") not in (5, 6):  # these two open something else
                yield f"components.{at}.components.{index}", one


def commands(given: Any) -> list[Json]:
    """Application commands, each as it is to be registered."""
    if not isinstance(given, list) or len(given) > MAX_COMMANDS:
        raise invalid("_errors", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_COMMANDS} or fewer in length.")
    for at, one in enumerate(given):
        _named(str(at), one)
    names = [(one["name"], one.get("type", 1)) for one in given]
    if len(set(names)) < len(names):
        raise invalid("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
    return given


def _named(where: str, one: Json) -> None:
    """A command, or an option of one."""
    name = text_of(f"{where}.name", one.get("name"), 32, 1)
    if not _COMMAND.fullmatch(name) or name != name.lower():
        raise invalid(f"{where}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    text_of(f"{where}.description", one.get("description"), 100, 1)
    for kind in ("name", "description"):
        for locale, text in (one.get(f"{kind}_localizations") or {}).items():
            if locale not in _LOCALES.split():
                raise invalid(f"{where}.{kind}_localizations", "ENUM_TYPE_COERCE", f'Value "{locale}" is not a valid enum value.')
            text_of(f"{where}.{kind}_localizations.{locale}", text, 32 if kind == "name" else 100, 1)
    required = [bool(option.get("required")) for option in one.get("options") or ()]
    if required != sorted(required, reverse=True):
        raise invalid(
            f"{where}.options",
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
            "Required options must be placed before non-required",
        )
    for at, option in enumerate(one.get("options") or ()):
        _named(f"{where}.options.{at}", option)
