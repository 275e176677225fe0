"""Reading conversations from a file: JSON lines, gzipped or not.

    {"id": "trip-porto", "messages": [{"role": "user", "content": "Hi!"}, ...]}

Invariant: a file is judged whole before any of it is used, and what passes is what `add_message` takes; an error names the line
and the field.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib import resources
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, cast

import msgspec

from turnkeep import checks
from turnkeep.errors import InvalidInput, TurnkeepError
from turnkeep.session import JsonObject
from turnkeep.settings import Settings

GZIP = b"\x1f\x8b"
ARGUMENTS = ("role", "content", "tool_calls", "tool_call_id", "name", "external_id", "author_id", "metadata", "created_at")


class Conversation(msgspec.Struct, frozen=True):
    """One line of the file."""

    id: str
    messages: list[JsonObject]  # the arguments of `add_message`, each with an `external_id`


class BadLine(InvalidInput):
    """A line of the file that cannot be replayed."""

    def __init__(self, file: str, line: int, cause: InvalidInput) -> None:
        super().__init__(cause.field, cause.reason, size=cause.size, limit=cause.limit)
        self.line = line
        what = cause.reason if cause.field == "line" else str(cause)
        self.args = (f"{file}, line {line}: {what}; nothing was stored",)


class BadFile(TurnkeepError):
    """The file cannot be read."""

    code = "invalid-input"


def read(path: Path | None, settings: Settings, limit: int | None = None) -> list[Conversation]:
    """The first `limit` conversations of the file; without a path, those that were written for the project."""
    found = path if path is not None else cast(Path, resources.files("turnkeep.cli") / "conversations.jsonl")
    try:
        with found.open("rb") as file:
            conversations = list(islice(_conversations(_plain(file), found.name, settings), limit))
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile(f"{found}: cannot be read: {error}") from error
    if not conversations:
        raise BadFile(f"{found}: holds no conversations")
    return conversations


def _plain(file: BufferedReader) -> Iterable[bytes]:
    return gzip.GzipFile(fileobj=file) if file.peek(2).startswith(GZIP) else file


def _conversations(lines: Iterable[bytes], name: str, settings: Settings) -> Iterator[Conversation]:
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            conversation = _conversation(line, settings)
            if conversation.id in seen:
                raise InvalidInput("id", f"stands in line {seen[conversation.id]} already")
        except InvalidInput as error:
            raise BadLine(name, number, error) from None
        seen[conversation.id] = number
        yield conversation


def _conversation(line: bytes, settings: Settings) -> Conversation:
    found = _decoded(line)
    if not isinstance(found, dict):
        raise InvalidInput("line", 'must be an object with "id" and "messages"')
    for field in ("id", "messages"):
        if field not in found:
            raise InvalidInput(field, "is missing")
    name, messages = _id(found["id"]), found["messages"]
    if not isinstance(messages, list) or not messages:
        raise InvalidInput("messages", "must be a list of one message or more")
    asked: set[str] = set()
    return Conversation(name, [_message(item, at, asked, settings) for at, item in enumerate(messages)])


def _id(value: object) -> str:
    try:
        return checks.conversation(value)
    except InvalidInput as error:
        raise InvalidInput("id", error.reason, size=error.size, limit=error.limit) from None


def _decoded(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput("line", f"is not JSON in UTF-8: {error}") from None


def _message(item: object, at: int, asked: set[str], settings: Settings) -> JsonObject:
    """Judged as `add_message` will. Each gets an `external_id`, so a replay that was broken off can be taken up again."""
    fields = checks.fields(item, at)
    fields["external_id"] = f"demo:{at + 1}"
    try:
        if isinstance(fields.get("created_at"), str):
            fields["created_at"] = _moment(fields["created_at"])
        _check(fields, asked, settings)
    except InvalidInput as error:
        raise InvalidInput(f"messages[{at}].{error.field}", error.reason, size=error.size, limit=error.limit) from None
    return fields


def _check(fields: JsonObject, asked: set[str], settings: Settings) -> None:
    arguments: JsonObject = dict.fromkeys(ARGUMENTS) | fields
    limits = settings.max_content_bytes, settings.max_metadata_bytes
    draft = checks.message(**arguments, now_ms=0, max_content=limits[0], max_metadata=limits[1])
    asked.update(call["id"] for call in draft.tool_calls or ())
    if draft.tool_call_id is not None and draft.tool_call_id not in asked:
        raise InvalidInput("tool_call_id", "names a call that no message before it makes")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("created_at", "must be a time as ISO 8601 writes it, with a time zone") from None
