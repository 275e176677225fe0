"""Every setting: its name, type, default, and the environment variable `TURNKEEP_<NAME>` that sets it.

Invariant: what is passed in wins over the environment, which wins over `turnkeep.toml`, which wins over the defaults; an unknown or
unusable value is an error that names the setting and where it came from. Times are seconds. Secrets never show in a `repr`.
"""

from __future__ import annotations

import logging
import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from turnkeep.errors import InvalidInput
from turnkeep.redaction import redactor
from turnkeep.session import CarryOver

log = logging.getLogger("turnkeep")

PREFIX = "TURNKEEP_"
FILE = "turnkeep.toml"
RAW_KEY_BYTES = 32
MAX_TOKEN_LIMIT = 10**9
SECRETS = ("cache_url", "summary_api_key", "encryption_key", "encryption_passphrase", "telegram_token", "discord_token")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See docs/SESSION_MANAGEMENT.md for what each one does."""

    database_url: str = "sqlite:///turnkeep.db"
    cache_url: str | None = None  # redis://..., what instances tell each other by; None: they look into the database
    app: str = "default"

    token_limit: int = 4000  # of a new session's whole prompt, the reply excluded
    tokenizer: str = "o200k"
    context_state: tuple[str, ...] = ()  # the state keys that reach prompts

    compaction: Literal["background", "inline", "manual"] = "background"
    compaction_threshold: float = 0.7  # of the token limit
    compaction_keep: float = 0.3  # of the uncovered tokens: the newest whole turns within it stay
    compaction_min_messages: int = 10
    compaction_parallel: int = 4
    compaction_process: bool = True  # a worker process may make summaries, while they would take much of the event loop's time
    summarizer_timeout: float = 60.0  # of a model, or a summarizer that was passed in, for one text
    summary_model: str | None = None  # who writes summaries; None: they are extractive
    summary_base_url: str | None = None  # of a server that speaks OpenAI's protocol, and has that model
    summary_api_key: str | None = None  # for that server
    summary_threads: int = 1  # that a model on this machine computes with
    summary_tokens: int | None = None  # the most that one summary takes; None: 500, or a sixteenth of a larger limit
    summary_share: float | None = None  # of the token limit, for all of them together; None: 50 %, falling to 10 % as limits grow
    max_pins: int = 32  # of one session
    pin_share: float = 0.25  # of the token limit, for all pins of a session together
    recall_tokens: int = 1000  # of one answer of `recall`
    timezone: str = "UTC"  # the users', for what "tomorrow" means in a summary
    redaction_patterns: dict[str, str] = {}  # beside the built-in ones, or by name in their place; "" takes one away

    expires_in: float | None = 86_400.0  # after the last message; in the environment "none" for never
    carry_over: CarryOver = "none"
    retention: float = 2_592_000.0  # a closed session is deleted after it
    cleanup_interval: float = 3_600.0  # 0: never in the background
    idempotency_lifetime: float = 86_400.0  # so long a key's write is answered again

    cache_sessions: int = 1000  # 0: no cache
    busy_timeout: float = 10.0
    close_timeout: float = 10.0

    postgres_pool_size: int = 10  # connections of one instance
    postgres_timeout: float = 30.0  # of one statement
    postgres_connect_timeout: float = 10.0  # also how long a server that is away is waited for
    postgres_tls: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    postgres_tls_ca: str | None = None  # a file of certificates; None: those of the system

    max_content_bytes: int = 1_048_576
    max_state_bytes: int = 65_536
    max_metadata_bytes: int = 65_536
    # of the server
    max_body_bytes: int = 8_388_608
    max_connections: int = 4096
    request_timeout: float = 30.0  # for a request to come in, head and body apart
    rate_limit: float = 0.0  # requests a second of one API key; 0: no limit
    rate_burst: int = 100  # requests at once, of a key that was quiet
    cors_origins: tuple[str, ...] = ()  # of the pages that may call from a browser; "*" for all
    metrics_app: str | None = None  # its admin keys read /metrics; None: those of `app`
    access_log: bool = False
    max_streams: int = 1000  # event streams that the server has open
    max_streams_per_key: int = 250
    stream_heartbeat: float = 15.0

    model: str | None = None  # who answers in `turnkeep chat` and the bots; None: the offline assistant
    system_prompt: str | None = None  # of their conversations
    mcp_servers: dict[str, str] = {}  # addresses or command lines, by name
    recall: bool = False  # whether the model has the tool `recall` there
    reply_timeout: float = 120.0  # of one whole turn, tools included
    tool_steps: int = 12  # the most calls of the model in one turn

    telegram_token: str | None = None
    telegram_api_url: str = "https://api.telegram.org"  # of a Bot API server
    discord_token: str | None = None
    discord_api_url: str = "https://discord.com/api/v10"
    bot_scope: Literal["chat", "topic", "user"] = "topic"  # what has a session of its own: a chat, a topic in it, a user in it
    bot_hears: bool = False  # in groups, also what is not said to it goes into the session
    bot_max_file_mb: int = 10  # of an attachment that is read
    bot_allow: tuple[str, ...] = ()  # ids of users and chats that may talk to the bots; empty: everybody
    bot_block: tuple[str, ...] = ()  # ids of users and chats that may not
    bot_admins: tuple[str, ...] = ()  # ids of users for whom no limit holds
    bot_rate: int = 20  # messages a minute of one user; 0: no limit
    bot_daily_tokens: int = 0  # of one user, prompts and answers together; 0: no limit
    bot_notices: bool = True  # tell people when older messages were summarized

    encryption_key: str | None = None  # 64 hexadecimal digits: 32 raw bytes
    encryption_key_file: str | None = None
    encryption_passphrase: str | None = None
    encryption_passphrase_file: str | None = None

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What `rich` shows of it, and `repr`."""
        values = [(name, getattr(self, name)) for name in NAMES]
        shown = [(name, "***" if name in SECRETS and value is not None else value) for name, value in values]
        return [(name, without_password(value) if name == "database_url" else value) for name, value in shown]

    def __post_init__(self) -> None:
        for name in NAMES:
            _convert(name, getattr(self, name), "argument", strict=True)
        check_token_limit("token_limit", self.token_limit)
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None and math.isnan(value):
                raise InvalidInput(name, "must be a number")
            if value is not None and not low <= value <= high:
                raise InvalidInput(name, f"must be from {low:,} to {high:,}", size=value, limit=low if value < low else high)
        given = [name for name in NAMES if name.startswith("encryption_") and getattr(self, name) is not None]
        check_zone("timezone", self.timezone)
        redactor(self.redaction_patterns)
        check_origins("cors_origins", self.cors_origins)
        if len(given) > 1:
            raise InvalidInput(given[0], f"give one of the four encryption settings, not also {', '.join(given[1:])}")

    def key(self) -> bytes | str | None:
        """The encryption key: raw bytes, or a passphrase, or None for a database in the clear."""
        if self.encryption_passphrase is not None or self.encryption_passphrase_file is not None:
            return _passphrase(_secret("encryption_passphrase", self.encryption_passphrase, self.encryption_passphrase_file))
        if self.encryption_key is None and self.encryption_key_file is None:
            return None
        text = _secret("encryption_key", self.encryption_key, self.encryption_key_file)
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != RAW_KEY_BYTES:
            raise InvalidInput("encryption_key", "must be 64 hexadecimal digits (32 bytes); for words use encryption_passphrase")
        return key


NAMES: tuple[str, ...] = Settings.__struct_fields__
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):.*@")
_FOREVER = 10.0**10  # seconds: three hundred years
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("compaction_threshold", 0.1, 1),
    ("compaction_keep", 0, 0.9),
    ("compaction_min_messages", 1, 10_000),
    ("compaction_parallel", 1, 1000),
    ("summarizer_timeout", 0.001, 3600),
    ("summary_threads", 1, 1024),
    ("summary_tokens", 16, 1_000_000),
    ("summary_share", 0.01, 0.6),
    ("max_pins", 0, 1000),
    ("pin_share", 0, 0.5),
    ("recall_tokens", 64, 100_000),
    ("expires_in", 0.001, _FOREVER),
    ("retention", 0, _FOREVER),
    ("cleanup_interval", 0, _FOREVER),
    ("idempotency_lifetime", 1, _FOREVER),
    ("cache_sessions", 0, 10_000_000),
    ("busy_timeout", 0, 3600),
    ("close_timeout", 0, 3600),
    ("postgres_pool_size", 2, 1000),
    ("postgres_timeout", 0.1, 3600),
    ("postgres_connect_timeout", 0.1, 3600),
    ("reply_timeout", 0.1, 86_400),
    ("tool_steps", 1, 1000),
    ("bot_max_file_mb", 0, 1000),
    ("bot_rate", 0, 100_000),
    ("bot_daily_tokens", 0, 10**12),
    ("max_content_bytes", 1, 100_000_000),
    ("max_state_bytes", 2, 10_000_000),
    ("max_metadata_bytes", 2, 10_000_000),
    ("max_body_bytes", 1024, 1_000_000_000),
    ("max_streams", 0, 1_000_000),
    ("max_streams_per_key", 0, 1_000_000),
    ("stream_heartbeat", 0.1, 300),
    ("max_connections", 1, 1_000_000),
    ("request_timeout", 0.1, 3600),
    ("rate_limit", 0, 1_000_000),
    ("rate_burst", 1, 1_000_000),
)


def without_password(url: str) -> str:
    """A database's address as it may be shown."""
    return _PASSWORD.sub(r"\1:***@", url)


def check_zone(field: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(field, "there is no time zone of this name") from error


def check_origins(field: str, origins: Iterable[str]) -> None:
    """As a browser sends them, for they are compared with that."""
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise InvalidInput(
                field, "must be origins: a scheme, a host and perhaps a port, such as https://bots.example.com; or *"
            )


def check_token_limit(field: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(field, f"must be a whole number of tokens, not {type(value).__name__}")
    if value < 1:
        raise InvalidInput(field, "must be at least 1", size=value, limit=1)
    if value > MAX_TOKEN_LIMIT:
        raise InvalidInput(field, "is too large", size=value, limit=MAX_TOKEN_LIMIT)
    return value


def _secret(name: str, value: str | None, file: str | None) -> str:
    if value is None:
        try:
            value = Path(str(file)).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
            raise InvalidInput(f"{name}_file", f"cannot be read: {file}: {why}") from None
    if not value:
        raise InvalidInput(name, "is empty")
    return value


def _passphrase(words: str) -> str:
    if "\0" in words or any("\ud800" <= character <= "\udfff" for character in words):
        raise InvalidInput("encryption_passphrase", "holds a NUL or a lone surrogate")
    if words.startswith(("raw:", "x'")):
        raise InvalidInput("encryption_passphrase", "begins like a raw key; give that as encryption_key, in hexadecimal digits")
    return words


def load(overrides: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings from `turnkeep.toml` in this folder (or the file that TURNKEEP_CONFIG names), the environment, and `overrides`."""
    environ = os.environ if environ is None else environ
    file = environ.get(PREFIX + "CONFIG")
    values = _from_file(file)
    sources = dict.fromkeys(values, Path(file or FILE).name)
    for variable, text in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name in NAMES:
            sources[name] = f"environment variable {variable}"
            values[name] = _convert(name, _from_text(name, text), sources[name], strict=False)
    for name, value in (overrides or {}).items():
        sources[name] = "argument"
        values[name] = _convert(name, value, "argument", strict=True)
    try:
        return Settings(**values)
    except InvalidInput as error:
        reason = f"{error.reason} ({sources.get(error.field, 'default')})"
        raise InvalidInput(error.field, reason, size=error.size, limit=error.limit) from None


def _from_file(named: str | None) -> dict[str, Any]:
    path = Path(named or FILE)
    if not named and not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(path.name, f"cannot be read as TOML: {error}") from error
    values = {name: None if name in _NULLABLE and value == "none" else value for name, value in found.items()}  # no null in TOML
    return {name: _convert(name, value, path.name, strict=True) for name, value in values.items()}


def _from_text(name: str, text: str) -> Any:
    if get_origin(_TYPES[name]) is tuple:
        return [key.strip() for key in text.split(",") if key.strip()]
    if get_origin(_TYPES[name]) is dict:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise InvalidInput(name, f"must be JSON, an object of texts: {error} (environment)") from None
    return None if name in _NULLABLE and text.lower() == "none" else text


_NULLABLE = (
    *("cache_url", "expires_in", "summary_tokens", "summary_share", "metrics_app", "model", "system_prompt", "summary_model"),
    "postgres_tls_ca",
)
_TYPES = {field.name: field.type for field in msgspec.structs.fields(Settings)}


def _expected(kind: Any) -> str:
    """What a setting takes, in words."""
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if isinstance(kind, UnionType):
        return " or ".join(_expected(part) for part in get_args(kind))
    if get_origin(kind) is dict:
        return "a table of texts by name"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", NoneType: "None"}
    return words.get(kind, "a list of texts")


def _convert(name: str, value: Any, source: str, *, strict: bool) -> Any:
    if name not in _TYPES:
        raise InvalidInput(name, f"no such setting ({source})")
    if isinstance(value, timedelta):
        value = value.total_seconds()
    try:
        return msgspec.convert(value, _TYPES[name], strict=strict)
    except msgspec.ValidationError as error:
        if name in SECRETS:
            raise InvalidInput(name, f"is no text ({source})") from error
        raise InvalidInput(name, f"must be {_expected(_TYPES[name])}: {error} ({source})") from error
