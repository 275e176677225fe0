"""Encryption: nothing in the clear on the disk, and every wrong key a typed error that keeps the secret."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from tests.faults.helpers import contents, log, manager, opened, sound

from turnkeep import SessionManager
from turnkeep.errors import TurnkeepError, WrongKey
from turnkeep.settings import load

CANARY = "canary-7f3a9c5e1d"
RAW = {"encryption_key": "a1b2c3d4" * 8}
WORDS = {"encryption_passphrase": "correct horse battery staple"}
SECRETS = (RAW["encryption_key"], bytes.fromhex(RAW["encryption_key"]).decode("latin-1"), WORDS["encryption_passphrase"])


async def fill(sessions: SessionManager) -> str:
    """The canary in every place that text can have."""
    session = await opened(sessions, CANARY, external_user_id=CANARY, external_chat_id=CANARY, metadata={CANARY: CANARY})
    call = {"id": CANARY, "type": "function", "function": {"name": CANARY, "arguments": CANARY}}
    await sessions.add_message(session.id, "user", CANARY, external_id=CANARY, author_id=CANARY, metadata={"a": CANARY})
    await sessions.add_message(session.id, "assistant", [{"type": "text", "text": CANARY}], tool_calls=[call], name=CANARY)
    await sessions.add_message(session.id, "tool", CANARY * 5000, tool_call_id=CANARY)
    await sessions.update_state(session.id, {CANARY: CANARY})
    await sessions.update_state(session.id, {CANARY: CANARY}, "user")
    await sessions.record_error(session.id, CANARY, message=CANARY)
    for number in range(100):
        await sessions.add_message(session.id, "user" if number % 2 else "assistant", f"{CANARY} {number} " * 10)
    await sessions.summarize_session(session.id)
    await sessions.settle()
    return session.id


def plain(folder: Path) -> list[str]:
    """The files that hold the canary, a word of the schema, or a format's magic in the clear."""
    traces = (CANARY.encode(), CANARY[:9].encode(), b"CREATE TABLE", b"conversation_id", b"SQLite format 3")
    return [path.name for path in folder.iterdir() if any(trace in path.read_bytes() for trace in traces)]


@pytest.mark.parametrize("key", [RAW, WORDS], ids=["raw", "passphrase"])
async def test_no_plaintext_on_the_disk(tmp_path: Path, key: dict[str, str]) -> None:
    path = tmp_path / "chats.db"
    async with manager(path, **key) as sessions:
        session_id = await fill(sessions)
        await sessions.backup(tmp_path / "copy.db")
        assert {one.name for one in tmp_path.iterdir()} >= {"chats.db", "chats.db-wal", "copy.db"}
        assert (tmp_path / "chats.db-wal").stat().st_size > 100_000
        assert plain(tmp_path) == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["chats.db", "copy.db"]
    assert plain(tmp_path) == []
    for file in (path, tmp_path / "copy.db"):
        async with manager(file, **key) as sessions:
            await sound(sessions, session_id)
            assert contents(await log(sessions, session_id))[0] == CANARY


async def test_the_search_for_plaintext_finds_it_where_there_is_no_key(tmp_path: Path) -> None:
    async with manager(tmp_path / "chats.db") as sessions:
        await fill(sessions)
        assert "chats.db-wal" in plain(tmp_path)
    assert plain(tmp_path) == ["chats.db"]


@pytest.mark.parametrize(
    ("made_with", "opened_with"),
    [
        (RAW, {}),
        (RAW, {"encryption_key": "ff" * 32}),
        (RAW, {"encryption_passphrase": RAW["encryption_key"]}),
        (RAW, {"encryption_passphrase": "RAW:" + RAW["encryption_key"]}),
        (WORDS, {}),
        (WORDS, {"encryption_passphrase": WORDS["encryption_passphrase"] + " "}),
        (WORDS, RAW),
        ({}, RAW),
        ({}, WORDS),
    ],
    ids=str,
)
async def test_a_wrong_key(
    tmp_path: Path, made_with: dict[str, str], opened_with: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "chats.db"
    async with manager(path, **made_with) as sessions:
        session = await opened(sessions)
        await sessions.add_message(session.id, "user", "kept")
    before = path.read_bytes()
    with caplog.at_level(logging.DEBUG), pytest.raises(WrongKey, match="(?i)key") as caught:
        await manager(path, **opened_with)
    assert "\n" not in str(caught.value)
    chain: BaseException | None = caught.value
    while chain is not None:
        for secret in (*made_with.values(), *opened_with.values(), *SECRETS):
            assert secret.strip() not in f"{chain} {chain!r} {caplog.text}"
        chain = chain.__cause__ or chain.__context__
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    async with manager(path, **made_with) as sessions:
        assert contents(await log(sessions, session.id)) == ["kept"]


@pytest.mark.parametrize("words", ["'; DROP TABLE x; --", "ключ 🗝", "a" * 1000, "raw", "0x" + "ab" * 32, "key=1&cipher=rc4"])
async def test_any_words_make_a_passphrase(tmp_path: Path, words: str) -> None:
    path = tmp_path / "chats.db"
    async with manager(path, encryption_passphrase=words) as sessions:
        await opened(sessions, CANARY)
    assert plain(tmp_path) == []
    with pytest.raises(WrongKey):
        await manager(path, encryption_key="ab" * 32)
    async with manager(path, encryption_passphrase=words) as sessions:
        assert await sessions.check() == []


@pytest.mark.parametrize("key", [RAW, WORDS], ids=["raw", "passphrase"])
async def test_a_secret_never_shows(tmp_path: Path, key: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    [secret] = key.values()
    with caplog.at_level(logging.DEBUG):
        async with manager(tmp_path / "chats.db", **key) as sessions:
            session = await opened(sessions)
            await sessions.add_message(session.id, "user", "x")
            shown = [repr(sessions), repr(sessions.settings), str(sessions.settings), repr(sessions._store), str(vars(sessions))]
    for text in [*shown, caplog.text]:
        assert secret not in text


@pytest.mark.parametrize(
    "bad",
    [
        {"encryption_key": "a1b2"},
        {"encryption_key": "secret-of-mine-that-is-no-hex" * 3},
        {"encryption_key": ""},
        {"encryption_passphrase": ""},
        {"encryption_key": 5},
        {"encryption_key": b"secret-of-mine"},
        {**RAW, **WORDS},
        {"encryption_key_file": "/nowhere/secret"},
        {"encryption_passphrase": "secret-of-mine\0"},
        {"encryption_passphrase": "secret-of-mine\ud800"},
        {"encryption_passphrase": "raw:" + RAW["encryption_key"]},  # the cipher would take these two for raw keys
        {"encryption_passphrase": "x'" + RAW["encryption_key"] + "'"},
    ],
    ids="+".join,
)
async def test_a_key_that_cannot_be_used(tmp_path: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(TurnkeepError) as caught:
        await manager(tmp_path / "chats.db", **bad)
    assert "encryption_" in str(caught.value)
    assert "secret-of-mine" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert list(tmp_path.iterdir()) == []


def test_keys_from_files_and_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(RAW["encryption_key"] + "\n")
    assert load({"encryption_key_file": str(file)}).key() == bytes.fromhex(RAW["encryption_key"])
    settings = load(environ={"TURNKEEP_ENCRYPTION_PASSPHRASE": WORDS["encryption_passphrase"]})
    assert settings.key() == WORDS["encryption_passphrase"]
    assert WORDS["encryption_passphrase"] not in repr(settings)


async def test_a_damaged_page_of_an_encrypted_file(tmp_path: Path) -> None:
    path = tmp_path / "chats.db"
    async with manager(path, **RAW) as sessions:
        session_id = await fill(sessions)
        whole = await log(sessions, session_id)
    size = path.stat().st_size
    told = 0
    for offset in range(6000, size, max(4096, size // 12)):
        data = bytearray(path.read_bytes())
        data[offset] ^= 1
        copy = tmp_path / f"{offset}.db"
        copy.write_bytes(data)
        try:
            async with manager(copy, **RAW) as sessions:
                assert await sessions.check() != []
                assert await log(sessions, session_id) == whole
        except TurnkeepError as error:
            assert type(error).__name__ in {"StoreCorrupt", "WrongKey"}
            told += 1
    assert told > 0
