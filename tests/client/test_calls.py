"""The client has every call of the manager, as the manager has it, and says what a server cannot know of a caller."""

from __future__ import annotations

import inspect
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.client.conftest import Served

import turnkeep
from turnkeep import Context, Message, Session, client
from turnkeep.client import Forbidden, SessionManager, Unauthorized
from turnkeep.errors import InvalidInput, ManagerClosed, SessionClosed, UnknownSession
from turnkeep.testing.manager_contract.case import raises

# A key has one app, the settings are the server's as its failures are, and an address opens with other words.
APART = {"failures", "for_app", "open", "settings"}
CALLS = [name for name in dir(turnkeep.SessionManager) if not name.startswith("_") and name not in APART]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_the_managers(name: str) -> None:
    local, remote = (inspect.getattr_static(one, name) for one in (turnkeep.SessionManager, SessionManager))
    if isinstance(local, property):
        assert isinstance(remote, property)
        local, remote = local.fget, remote.fget
    assert inspect.signature(remote) == inspect.signature(local)
    assert inspect.iscoroutinefunction(remote) == inspect.iscoroutinefunction(local)


def test_it_has_no_call_besides() -> None:
    assert {name for name in dir(SessionManager) if not name.startswith("_")} == {*CALLS, "open"}


async def talk(sessions: turnkeep.SessionManager | SessionManager) -> tuple[Session, Message, Context]:
    """What a bot does: the types say that either will do."""
    session = await sessions.get_or_create_session("telegram", 123, external_user_id="ann", token_limit=8000)
    message = await sessions.add_message(session.id, "user", "What's the weather? 🌦", external_id="tg:1")
    return session, message, await sessions.build_context(session.id, max_messages=20)


async def test_code_moves_from_one_to_the_other(client: SessionManager, tmp_path: Path) -> None:
    async with turnkeep.SessionManager.open(f"sqlite:///{tmp_path}/local.db") as local:
        (one, said, prompt), (other, said_there, prompt_there) = await talk(local), await talk(client)
    assert (prompt.messages, prompt.tokens, prompt.parts) == (prompt_there.messages, prompt_there.tokens, prompt_there.parts)
    assert prompt.to_anthropic() == prompt_there.to_anthropic()
    assert prompt.to_gemini() == prompt_there.to_gemini()
    assert said.same_as(said_there)
    assert (one.token_limit, one.tokenizer, one.lifetime_ms) == (other.token_limit, other.tokenizer, other.lifetime_ms)
    assert (other.number, type(other)) == (0, Session)


async def test_what_travels_comes_back_as_it_went(client: SessionManager) -> None:
    values = [0.1, 1e300, 5e-324, -0.0, 2**64 - 1, -(2**63), 10**15 + 0.5, "\x01\u2028\U0010ffff", None, True, {"é": []}]
    session = await client.get_or_create_session("web", "a/b?c#d%\n", metadata={"values": values})
    moment = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
    said = await client.add_message(session.id, "user", "\x01\u2028", metadata={"values": values}, created_at=moment)
    assert (await client.get_session(session.id)).metadata == {"values": values}
    assert await client.update_state(session.id, {"values": values}) == {"values": values}
    assert (await client.get_messages(session.id))[0] == said
    assert said.created_at == moment.replace(microsecond=999_000)
    assert str((said.metadata or {})["values"]) == str(values)


async def test_an_error_is_the_managers_word_for_word(client: SessionManager, tmp_path: Path) -> None:
    async with turnkeep.SessionManager.open(f"sqlite:///{tmp_path}/local.db") as local:
        told = []
        for sessions in (local, client):
            session = await sessions.get_or_create_session("web", 1)
            await sessions.deactivate_session(session.id)
            errors = []
            for call in (
                sessions.add_message(session.id, "user", "hi"),
                sessions.add_message(session.id, "assistant", "x" * (1 << 20) + "x"),
                sessions.add_message(session.id, "assistant", "hi", expected_seq=7),
                sessions.build_context(session.id, system="word " * 5000),
                sessions.list_sessions(limit=1001),
                sessions.get_session("nobody"),
                sessions.get_session("no/body"),
                sessions.get_session(".."),
            ):
                with pytest.raises(turnkeep.TurnkeepError) as caught:
                    await call
                errors.append((type(caught.value), str(caught.value).replace(session.id, "ID")))
            told.append(errors)
    assert told[0] == told[1]
    with pytest.raises(SessionClosed) as closed:
        await client.add_message((await client.list_sessions())[0].id, "user", "hi")
    assert closed.value.status == "inactive"


# --- opening


@pytest.mark.parametrize(
    "url", ["", "turnkeep.db", "sqlite:///turnkeep.db", "http://", "ftp://host", "http://user:pw@host", "http://h/?a=1"]
)
def test_an_address_is_one(url: str) -> None:
    with raises(InvalidInput, "url"):
        SessionManager.open(url, key="tk_x")


@pytest.mark.parametrize("key", ["", "a b", "é", "a\r\nb", 5])
def test_a_key_is_one_and_is_not_quoted(key: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SessionManager.open("http://127.0.0.1:1", key=key)
    assert caught.value.field == "key"
    assert not key or str(key) not in str(caught.value)


async def test_address_and_key_may_be_in_the_environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with raises(InvalidInput, "url"):
        SessionManager.open()
    monkeypatch.setenv("TURNKEEP_SERVER_URL", served.url + "/")
    with raises(InvalidInput, "key"):
        SessionManager.open()
    monkeypatch.setenv("TURNKEEP_API_KEY", await served.key(app="shop"))
    async with SessionManager.open() as sessions:
        assert (await sessions.get_or_create_session("web", 1)).app == sessions.app == "shop"


async def test_a_key_that_does_not_count(served: Served) -> None:
    with raises(Unauthorized):
        await SessionManager.open(served.url, key="tk_wrong")
    async with await served.client() as sessions:
        [key] = await served.tenants.store.keys()
        await served.tenants.store.revoke_key(None, key.id, 1)
        with raises(Unauthorized):
            await sessions.list_sessions()


async def test_a_key_that_may_not(served: Served) -> None:
    async with await served.client("read") as sessions:
        assert await sessions.list_sessions() == []
        with raises(Forbidden):
            await sessions.get_or_create_session("web", 1)
    async with await served.client(app="shop") as sessions:
        for call in (sessions.check(), sessions.sizes()):
            with raises(Forbidden):
                await call


async def test_its_life(served: Served) -> None:
    sessions = SessionManager.open(served.url, key=await served.key())
    for _ in range(2):
        with raises(ManagerClosed):
            await sessions.list_sessions()
    await sessions
    with raises(InvalidInput, "manager"):
        await sessions
    await sessions.close()
    await sessions.close()
    with raises(ManagerClosed):
        await sessions.list_sessions()
    with raises(ManagerClosed):
        await sessions
    assert "tk_" not in repr(vars(sessions))


# --- upkeep


async def test_a_backup_is_saved(client: SessionManager, tmp_path: Path) -> None:
    session, _, _ = await talk(client)
    target = tmp_path / "copy.db"
    await client.backup(target)
    async with turnkeep.SessionManager.open(f"sqlite:///{target}") as copy:
        assert (await copy.get_session(session.id)).seq == 1
    with raises(InvalidInput, "target"):
        await client.backup(str(target))
    assert await client.check() == []
    assert (await client.sizes())["messages"] == 1


async def test_a_backup_that_fails_leaves_no_file(served: Served, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    async with await served.client("write") as sessions:
        with raises(Forbidden):
            await sessions.backup(target)
    assert not target.exists()
    async with await served.client() as sessions:
        with pytest.raises(turnkeep.TurnkeepError, match="target"):
            await sessions.backup(tmp_path / "nowhere" / "copy.db")


async def test_an_unknown_session_is_known_without_asking(client: SessionManager) -> None:
    for name in ("..", ".", "a/messages", "a?b", "%2e%2e", "a\\b"):
        with raises(UnknownSession):
            await client.delete_session(name)


# --- the extra


def test_a_missing_library_names_the_extra(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["httpx2"] = None
try:
    from turnkeep.client import SessionManager
except ImportError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == 'MissingExtra The client needs an optional part: pip install "turnkeep[client]"\n'


def test_what_is_exported_is_there() -> None:
    assert all(getattr(client, name).__module__.startswith("turnkeep.client") for name in client.__all__)
