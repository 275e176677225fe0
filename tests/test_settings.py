"""Settings: where they come from, which source wins, and that an error says which."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from turnkeep.errors import InvalidInput
from turnkeep.settings import NAMES, SECRETS, Settings, load

KEY = "ab" * 32
# Every setting, its value, and how the environment and TOML say it. None of them is the default.
VALUES: dict[str, tuple[Any, str, str]] = {
    "database_url": ("memory://", "memory://", '"memory://"'),
    "cache_url": ("redis://cache/1", "redis://cache/1", '"redis://cache/1"'),
    "app": ("bots", "bots", '"bots"'),
    "token_limit": (123, "123", "123"),
    "tokenizer": ("cl100k", "cl100k", '"cl100k"'),
    "context_state": (("name", "cart"), " name, cart,", '["name", "cart"]'),
    "compaction": ("inline", "inline", '"inline"'),
    "compaction_threshold": (0.5, "0.5", "0.5"),
    "compaction_keep": (0.25, "0.25", "0.25"),
    "compaction_min_messages": (4, "4", "4"),
    "compaction_parallel": (2, "2", "2"),
    "compaction_process": (False, "false", "false"),
    "summarizer_timeout": (5.5, "5.5", "5.5"),
    "summary_model": ("openai:m", "openai:m", '"openai:m"'),
    "summary_base_url": ("http://localhost:1/v1", "http://localhost:1/v1", '"http://localhost:1/v1"'),
    "summary_api_key": ("sk-1", "sk-1", '"sk-1"'),
    "summary_threads": (3, "3", "3"),
    "summary_tokens": (99, "99", "99"),
    "summary_share": (0.25, "0.25", "0.25"),
    "max_pins": (7, "7", "7"),
    "pin_share": (0.5, "0.5", "0.5"),
    "recall_tokens": (500, "500", "500"),
    "timezone": ("Europe/Lisbon", "Europe/Lisbon", '"Europe/Lisbon"'),
    "redaction_patterns": ({"case": "C-[0-9]+"}, '{"case": "C-[0-9]+"}', '{ case = "C-[0-9]+" }'),
    "expires_in": (60.5, "60.5", "60.5"),
    "carry_over": ("summary", "summary", '"summary"'),
    "retention": (61.0, "61", "61"),
    "cleanup_interval": (0.0, "0", "0"),
    "idempotency_lifetime": (62.0, "62", "62"),
    "cache_sessions": (0, "0", "0"),
    "busy_timeout": (1.5, "1.5", "1.5"),
    "close_timeout": (2.5, "2.5", "2.5"),
    "postgres_pool_size": (20, "20", "20"),
    "postgres_timeout": (1.5, "1.5", "1.5"),
    "postgres_connect_timeout": (1.5, "1.5", "1.5"),
    "postgres_tls": ("verify-full", "verify-full", '"verify-full"'),
    "postgres_tls_ca": ("/etc/ca.pem", "/etc/ca.pem", '"/etc/ca.pem"'),
    "max_content_bytes": (1000, "1000", "1000"),
    "max_state_bytes": (1001, "1001", "1001"),
    "max_metadata_bytes": (1002, "1002", "1002"),
    "max_body_bytes": (1_048_577, "1048577", "1048577"),
    "max_connections": (64, "64", "64"),
    "request_timeout": (7.5, "7.5", "7.5"),
    "rate_limit": (2.5, "2.5", "2.5"),
    "rate_burst": (7, "7", "7"),
    "cors_origins": (
        ("https://a.example", "http://127.0.0.1:5173"),
        "https://a.example, http://127.0.0.1:5173",
        '["https://a.example", "http://127.0.0.1:5173"]',
    ),
    "metrics_app": ("ops", "ops", '"ops"'),
    "access_log": (True, "true", "true"),
    "max_streams": (0, "0", "0"),
    "max_streams_per_key": (7, "7", "7"),
    "stream_heartbeat": (0.5, "0.5", "0.5"),
    "model": ("openai:gpt", "openai:gpt", '"openai:gpt"'),
    "system_prompt": ("Be brief.", "Be brief.", '"Be brief."'),
    "mcp_servers": ({"files": "npx files"}, '{"files": "npx files"}', '{ files = "npx files" }'),
    "recall": (True, "true", "true"),
    "reply_timeout": (63.5, "63.5", "63.5"),
    "tool_steps": (5, "5", "5"),
    "telegram_token": ("1:a", "1:a", '"1:a"'),
    "telegram_api_url": ("http://127.0.0.1:1", "http://127.0.0.1:1", '"http://127.0.0.1:1"'),
    "discord_token": ("a.b.c", "a.b.c", '"a.b.c"'),
    "discord_api_url": ("http://127.0.0.1:2", "http://127.0.0.1:2", '"http://127.0.0.1:2"'),
    "bot_scope": ("user", "user", '"user"'),
    "bot_hears": (True, "true", "true"),
    "bot_max_file_mb": (3, "3", "3"),
    "bot_allow": (("1", "2"), "1, 2", '["1", "2"]'),
    "bot_block": (("3",), "3", '["3"]'),
    "bot_admins": (("4",), "4", '["4"]'),
    "bot_rate": (7, "7", "7"),
    "bot_daily_tokens": (8, "8", "8"),
    "bot_notices": (False, "false", "false"),
    "encryption_key": (KEY, KEY, f'"{KEY}"'),
    "encryption_key_file": ("a.key", "a.key", '"a.key"'),
    "encryption_passphrase": ("correct horse", "correct horse", '"correct horse"'),
    "encryption_passphrase_file": ("a.txt", "a.txt", '"a.txt"'),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test begins in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def variable(name: str) -> str:
    return f"TURNKEEP_{name.upper()}"


def refusal(**load_arguments: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        load(**load_arguments)
    return caught.value


def by_hand(**values: Any) -> Settings:
    """Made by hand."""
    return Settings(**values)


def test_every_setting_is_tested_here() -> None:
    assert tuple(VALUES) == NAMES
    assert all(value != getattr(Settings(), name) for name, (value, _, _) in VALUES.items())


def test_without_anything_the_defaults_hold() -> None:
    assert load(environ={}) == Settings()
    assert load({}, environ={"PATH": "/bin", "turnkeep_app": "x", "APP": "y"}) == Settings()


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_from_the_environment(name: str) -> None:
    value, text, _ = VALUES[name]
    assert load(environ={variable(name): text}) == msgspec.structs.replace(Settings(), **{name: value})


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_from_the_file(name: str, folder: Path) -> None:
    value, _, toml = VALUES[name]
    (folder / "turnkeep.toml").write_text(f"{name} = {toml}\n")
    assert load(environ={}) == msgspec.structs.replace(Settings(), **{name: value})


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_as_an_argument(name: str) -> None:
    value = VALUES[name][0]
    assert load({name: value}, environ={}) == msgspec.structs.replace(Settings(), **{name: value})


def test_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNKEEP_TOKEN_LIMIT", "321")
    assert load().token_limit == 321


def test_arguments_win_over_the_environment_over_the_file(folder: Path) -> None:
    (folder / "turnkeep.toml").write_text("token_limit = 1000\napp = 'file'\nsummary_tokens = 100\n")
    settings = load({"token_limit": 3000}, environ={"TURNKEEP_TOKEN_LIMIT": "2000", "TURNKEEP_APP": "environment"})
    assert (settings.token_limit, settings.app, settings.summary_tokens, settings.tokenizer) == (
        3000,
        "environment",
        100,
        "o200k",
    )


def test_the_file_may_be_named(folder: Path) -> None:
    (folder / "turnkeep.toml").write_text("app = 'here'")
    other = folder / "other.toml"
    other.write_text("app = 'there'")
    assert load(environ={"TURNKEEP_CONFIG": str(other)}).app == "there"
    assert load(environ={"TURNKEEP_CONFIG": ""}).app == "here"


def test_a_named_file_must_be_there() -> None:
    assert refusal(environ={"TURNKEEP_CONFIG": "nowhere.toml"}).field == "nowhere.toml"


@pytest.mark.parametrize("content", [b"app = ", b"\xff\xfe", b"app = 'a'\napp = 'b'"])
def test_a_broken_file_is_named(folder: Path, content: bytes) -> None:
    (folder / "turnkeep.toml").write_bytes(content)
    assert refusal(environ={}).field == "turnkeep.toml"


def test_none_is_never_only_where_it_is_said() -> None:
    for text in ("none", "None", "NONE"):
        assert load(environ={"TURNKEEP_EXPIRES_IN": text}).expires_in is None
        assert load(environ={"TURNKEEP_APP": text}).app == text
        assert load(environ={"TURNKEEP_ENCRYPTION_PASSPHRASE": text}).key() == text
        assert refusal(environ={"TURNKEEP_TOKEN_LIMIT": text}).field == "token_limit"
    assert load({"expires_in": None}, environ={}).expires_in is None


def test_no_keys_of_state() -> None:
    assert load(environ={"TURNKEEP_CONTEXT_STATE": ""}).context_state == ()
    assert load(environ={"TURNKEEP_CONTEXT_STATE": " , "}).context_state == ()


# --- errors


@pytest.mark.parametrize(
    ("name", "text", "toml"),
    [
        ("token_limit", "many", '"many"'),
        ("token_limit", "1.5", "1.5"),
        ("token_limit", "0", "0"),
        ("token_limit", "1000000001", "1000000001"),
        ("compaction", "sometimes", '"sometimes"'),
        ("carry_over", "all", '"all"'),
        ("compaction_threshold", "0.09", "0.09"),
        ("compaction_threshold", "1.01", "1.01"),
        ("compaction_threshold", "nan", "nan"),
        ("compaction_keep", "-0.1", "-0.1"),
        ("compaction_keep", "0.91", "0.91"),
        ("compaction_min_messages", "0", "0"),
        ("compaction_parallel", "0", "0"),
        ("summary_tokens", "15", "15"),
        ("expires_in", "0", "0"),
        ("expires_in", "inf", "inf"),
        ("retention", "-1", "-1"),
        ("cleanup_interval", "-1", "-1"),
        ("cache_sessions", "-1", "-1"),
        ("busy_timeout", "3601", "3601"),
        ("close_timeout", "-1", "-1"),
        ("max_content_bytes", "0", "0"),
        ("max_state_bytes", "1", "1"),
        ("max_metadata_bytes", "1", "1"),
        ("max_body_bytes", "1023", "1023"),
    ],
)
def test_an_error_names_the_setting_and_its_source(name: str, text: str, toml: str, folder: Path) -> None:
    error = refusal(environ={variable(name): text})
    assert (error.field, variable(name) in str(error)) == (name, True)
    error = refusal(overrides={name: float("-inf")}, environ={})
    assert (error.field, "argument" in str(error)) == (name, True)
    (folder / "turnkeep.toml").write_text(f"{name} = {toml}\n")
    error = refusal(environ={})
    assert (error.field, "turnkeep.toml" in str(error)) == (name, True)
    error = refusal(environ={"TURNKEEP_APP": "x"})
    assert "turnkeep.toml" in str(error)


def test_an_unknown_setting_is_an_error(folder: Path) -> None:
    error = refusal(overrides={"token_limt": 5}, environ={})
    assert (error.field, "argument" in str(error)) == ("token_limt", True)
    (folder / "turnkeep.toml").write_text("[turnkeep]\napp = 'x'\n")
    error = refusal(environ={})
    assert (error.field, "turnkeep.toml" in str(error)) == ("turnkeep", True)


def test_strings_are_no_numbers_but_in_the_environment(folder: Path) -> None:
    assert refusal(overrides={"token_limit": "5"}, environ={}).field == "token_limit"
    (folder / "turnkeep.toml").write_text("token_limit = '5'\n")
    assert refusal(environ={}).field == "token_limit"


@pytest.mark.parametrize("name", NAMES)
def test_settings_made_by_hand_are_checked_too(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        by_hand(**{name: object()})
    assert caught.value.field == name


def test_limits_are_met_exactly() -> None:
    settings = Settings(token_limit=10**9, compaction_threshold=1.0, compaction_keep=0.9, cache_sessions=0, summary_tokens=16)
    assert (settings.token_limit, settings.compaction_keep) == (10**9, 0.9)


# --- secrets


def test_secrets_never_show() -> None:
    for name in SECRETS:
        for settings in (by_hand(**{name: KEY}), load(environ={variable(name): KEY})):
            out = io.StringIO()
            Console(file=out, width=2000).print(settings, [settings])
            for shown in (repr(settings), str(settings), f"{settings}", f"{[settings]}", out.getvalue()):
                assert KEY not in shown
                assert "***" in shown
            assert "token_limit=4000" in repr(settings)
    assert "***" not in repr(Settings())


def test_errors_quote_no_secret(folder: Path) -> None:
    wrong = "correct horse battery"
    errors = [refusal(overrides={name: [wrong]}, environ={}) for name in SECRETS]
    errors.append(refusal(overrides={"encryption_key": wrong, "encryption_passphrase": wrong}, environ={}))
    with pytest.raises(InvalidInput) as caught:
        Settings(encryption_key=wrong).key()
    errors.append(caught.value)
    for error in errors:
        assert error.field.startswith(("cache_url", "encryption_", "summary_api_key", "telegram_token", "discord_token"))
        chain = [error, error.__cause__, error.__context__]
        assert not any("horse" in str(one) for one in chain)


def test_a_secrets_file_that_cannot_be_read_is_named_and_not_quoted(folder: Path) -> None:
    (folder / "bytes.txt").write_bytes(b"horse\xff")
    for name in ("encryption_key_file", "encryption_passphrase_file"):
        for file, why in (
            ("no/where.txt", "No such file or directory"),
            (".", "Is a directory"),
            ("bytes.txt", "no text in UTF-8"),
        ):
            with pytest.raises(InvalidInput) as caught:
                by_hand(**{name: file}).key()
            assert caught.value.field == name
            assert f"cannot be read: {file}: " in str(caught.value)
            assert why in str(caught.value)
            assert "horse" not in str(caught.value)
            assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("token_limit", "5", "must be a whole number: Expected `int`, got `str` (argument)"),
        ("compaction_keep", "much", "must be a number: "),
        ("expires_in", [], "must be a number or None: "),
        ("compaction", "sometimes", "must be one of background, inline, manual: "),
        ("app", 5, "must be a text: "),
        ("context_state", 5, "must be a list of texts: "),
    ],
)
def test_an_error_says_what_is_expected(name: str, value: object, expected: str) -> None:
    assert refusal(overrides={name: value}, environ={}).reason.startswith(expected)


def test_only_one_secret_is_given() -> None:
    names = [name for name in NAMES if name.startswith("encryption_")]
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            error = refusal(overrides={one: "x"}, environ={variable(other): "y"})
            assert error.field in (one, other)
            assert one in str(error)
            assert other in str(error)


def test_the_key(folder: Path) -> None:
    (folder / "a.key").write_text(KEY + "\n")
    (folder / "a.txt").write_text("correct horse\n", "utf-8")
    assert Settings().key() is None
    assert Settings(encryption_key=KEY).key() == bytes.fromhex(KEY)
    assert Settings(encryption_key=KEY.upper()).key() == bytes.fromhex(KEY)
    assert Settings(encryption_key_file="a.key").key() == bytes.fromhex(KEY)
    assert Settings(encryption_passphrase="correct horse").key() == "correct horse"
    assert Settings(encryption_passphrase_file="a.txt").key() == "correct horse"


@pytest.mark.parametrize("key", ["", "ab", KEY[:-2], KEY + "ab", "zz" * 32, KEY[:-1]])
def test_a_key_of_another_length_is_refused(key: str, folder: Path) -> None:
    (folder / "a.key").write_text(key)
    for settings in (Settings(encryption_key=key), Settings(encryption_key_file="a.key")):
        with pytest.raises(InvalidInput) as caught:
            settings.key()
        assert caught.value.field == "encryption_key"


def test_no_key_at_all_is_never_taken_for_none(folder: Path) -> None:
    (folder / "empty.txt").write_text(" \n")
    (folder / "bytes.txt").write_bytes(b"\xff\xfe\xfd")
    for field, settings in (
        ("encryption_passphrase", Settings(encryption_passphrase="")),
        ("encryption_passphrase", Settings(encryption_passphrase_file="empty.txt")),
        ("encryption_passphrase_file", Settings(encryption_passphrase_file="nowhere.txt")),
        ("encryption_passphrase_file", Settings(encryption_passphrase_file="bytes.txt")),
        ("encryption_key_file", Settings(encryption_key_file="nowhere.txt")),
    ):
        with pytest.raises(InvalidInput) as caught:
            settings.key()
        assert caught.value.field == field
