"""Live changes: what a listener is told, from where on, and until when."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.feed import PAGE, Feed
from turnkeep.manager import SessionManager
from turnkeep.session import Change, Event, Message, Session, Summary
from turnkeep.testing.manager_contract.case import Case, Clock, OpenManager, chat, log, raises, row, turns


async def told(feed: Feed, session: Session) -> list[Change]:
    """The changes up to the session's version."""
    found: list[Change] = []
    async with asyncio.timeout(30):
        async for change in feed:
            found.append(change)
            if change.kind == "deleted" or (isinstance(change.value, Session) and change.value.version >= session.version):
                return found
    raise AssertionError("the feed has ended before")


def named(changes: list[Change]) -> list[str]:
    """Each change in a word: its kind, and the `seq` or the name of what it brings."""
    words = []
    for change in changes:
        value = change.value
        name = value.seq if isinstance(value, Message) else value.name if isinstance(value, Event) else ""
        words.append(f"{change.kind} {name}".strip())
    return words


async def much(manager: SessionManager, session: Session) -> Session:
    """Changes of every kind but the last; the session after them."""
    await turns(manager, session, 8)
    await manager.record_tool_call(session.id, "look")
    assert await manager.summarize_session(session.id) is not None
    await manager.record_error(session.id, "Timeout")
    await manager.update_state(session.id, {"city": "Porto"})
    await manager.add_message(session.id, "user", "more")
    await manager.record_usage(session.id, tokens_in=1, tokens_out=2)
    await manager.clear_messages(session.id)
    return await manager.deactivate_session(session.id)


class Listening(Case):
    """`listen`."""

    async def test_it_begins_with_the_session_as_it_is(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=60)
        await turns(manager, session, 2)
        await manager.record_error(session.id, "Timeout")
        clock.advance(61)
        now = await manager.get_session(session.id)
        [first] = await told(manager.listen(session.id), now)
        assert (first.kind, first.value, now.status) == ("session", now, "expired")

    async def test_a_change_is_told_when_it_is_made(self, manager: SessionManager) -> None:
        session = await chat(manager)
        feed = manager.listen(session.id)
        await told(feed, session)
        for number in range(1, 4):
            waiting = asyncio.create_task(anext(feed))
            await asyncio.sleep(0)
            said = await manager.add_message(session.id, "user", f"{number}", metadata={"at": number})
            change = await waiting
            assert (change.kind, change.value) == ("message", said)
            change = await anext(feed)
            assert (change.kind, change.value) == ("session", await manager.get_session(session.id))

    async def test_all_kinds_in_their_order(self, manager: SessionManager) -> None:
        session = await chat(manager)
        first = await anext(manager.listen(session.id))
        last = await much(manager, session)
        changes = await told(manager.listen(session.id, first.cursor), last)
        messages = [f"message {seq}" for seq in range(1, 18)]
        assert named(changes) == [*messages, "tool_call look", "error Timeout", "usage model", "summary", "session"]
        by_kind: dict[type, list[Any]] = {}
        for change in changes:
            by_kind.setdefault(type(change.value), []).append(change.value)
        assert [row(message) for message in by_kind[Message]] == [row(message) for message in await log(manager, session)]
        assert by_kind[Event] == await manager.get_events(session.id)
        assert by_kind[Summary] == await manager.get_summaries(session.id)
        assert by_kind[Session] == [last]

    async def test_every_other_change_is_told_by_the_session(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 3)
        feed = manager.listen(session.id)
        await told(feed, session)
        await manager.update_state(session.id, {"a": 1})
        await manager.update_state(session.id, {"a": 1}, scope="user")
        for change in (
            manager.retract(session.id, 5),
            manager.clear_messages(session.id),
            manager.deactivate_session(session.id),
        ):
            now = await change
            [only] = [one for one in await told(feed, now) if one.kind != "session" or one.value == now]
            assert only.value == now

    async def test_it_goes_on_from_every_cut(self, manager: SessionManager) -> None:
        session = await chat(manager)
        first = await anext(manager.listen(session.id))
        last = await much(manager, session)
        whole = await told(manager.listen(session.id, first.cursor), last)
        assert named(whole)[-1] == "session"
        for at, change in enumerate(whole[:-1], 1):
            assert await told(manager.listen(session.id, change.cursor), last) == whole[at:]
        feed = manager.listen(session.id, whole[-1].cursor)
        said = await manager.add_message(session.id, "assistant", "late")
        assert (await anext(feed)).value == said

    async def test_more_than_a_page_of_each(self, manager: SessionManager) -> None:
        session = await chat(manager)
        first = await anext(manager.listen(session.id))
        await turns(manager, session, PAGE)
        for number in range(PAGE + 1):
            await manager.record_error(session.id, f"E{number}")
        changes = await told(manager.listen(session.id, first.cursor), await manager.get_session(session.id))
        messages = [f"message {seq}" for seq in range(1, 2 * PAGE + 1)]
        assert named(changes) == [*messages, *[f"error E{number}" for number in range(PAGE + 1)], "session"]

    async def test_each_of_many_listeners_is_told_all_once(self, manager: SessionManager) -> None:
        session = await chat(manager)
        feeds = [manager.listen(session.id) for _ in range(20)]
        for feed in feeds:
            await anext(feed)
        never = manager.listen(session.id)

        async def listen(feed: Feed, pause: int) -> list[int]:
            seqs: list[int] = []
            while len(seqs) < 100:
                change = await anext(feed)
                for _ in range(pause):
                    await asyncio.sleep(0)
                if isinstance(change.value, Message):
                    seqs.append(change.value.seq)
            return seqs

        async def say() -> None:
            for number in range(25):
                await manager.add_message(session.id, "user", f"{number}")

        async with asyncio.timeout(60):
            heard, *_ = await asyncio.gather(
                asyncio.gather(*(listen(feed, pause) for pause, feed in enumerate(feeds))), *(say() for _ in range(4))
            )
        assert heard == [list(range(1, 101))] * 20
        assert (await anext(never)).value == await manager.get_session(session.id)

    async def test_what_another_manager_commits(self, open_manager: OpenManager, clock: Clock) -> None:
        one, other = await open_manager(clock=clock), await open_manager(clock=clock)
        session = await chat(one)
        feed = one.listen(session.id)
        await told(feed, session)
        await turns(other, session, 2)
        now = await other.get_session(session.id)
        assert named([change for change in await told(feed, now) if change.kind != "session"]) == [
            f"message {seq}" for seq in range(1, 5)
        ]
        await other.delete_session(session.id)
        assert (await told(feed, now))[-1].kind == "deleted"

    async def test_it_ends_when_the_session_is_gone(self, manager: SessionManager) -> None:
        session = await chat(manager)
        feed = manager.listen(session.id)
        await told(feed, session)
        waiting = asyncio.create_task(anext(feed))
        await asyncio.sleep(0)
        await manager.delete_session(session.id)
        change = await waiting
        assert (change.kind, change.value) == ("deleted", None)
        assert [one async for one in feed] == []
        with raises(UnknownSession):
            await anext(manager.listen(session.id, change.cursor))

    async def test_what_was_erased_is_told_as_erased(self, manager: SessionManager) -> None:
        session = await chat(manager, "group", external_user_id="host")
        first = await anext(manager.listen(session.id))
        await manager.add_message(session.id, "user", "a secret of bob", author_id="bob")
        await manager.add_message(session.id, "user", "kept", author_id="eve")
        feed = manager.listen(session.id)
        await told(feed, session)
        await manager.erase_user("bob")
        now = await manager.get_session(session.id)
        assert [change.value for change in await told(feed, now)] == [now]
        changes = await told(manager.listen(session.id, first.cursor), now)
        shown = [(one.value.content, one.value.erased) for one in changes if isinstance(one.value, Message)]
        assert shown == [("", True), ("kept", False)]
        await manager.erase_user("host")
        assert [one.kind async for one in feed] == ["deleted"]

    async def test_a_step_that_is_cancelled_loses_nothing(self, manager: SessionManager) -> None:
        session = await chat(manager)
        feed = manager.listen(session.id)
        await told(feed, session)
        for number in range(1, 10):
            waiting = asyncio.create_task(anext(feed))
            for _ in range(number % 3):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            said = await manager.add_message(session.id, "user", f"{number}")
            first, *_ = await told(feed, await manager.get_session(session.id))
            assert first.value == said

    async def test_it_can_be_ended(self, manager: SessionManager) -> None:
        session = await chat(manager)
        feed = manager.listen(session.id)
        await told(feed, session)
        waiting = asyncio.create_task(anext(feed, None))
        await asyncio.sleep(0)
        await feed.aclose()
        assert await waiting is None
        assert [one async for one in feed] == []
        await feed.aclose()

    async def test_it_ends_with_its_manager(self, open_manager: OpenManager, clock: Clock) -> None:
        manager, lent = await open_manager(clock=clock), await open_manager(clock=clock, app="other")
        mine, theirs = await chat(manager), await chat(lent)
        feeds = manager.listen(mine.id), lent.listen(theirs.id)
        waiting = [asyncio.create_task(told(feed, one)) for feed, one in zip(feeds, (mine, theirs), strict=True)]
        await asyncio.gather(*waiting)
        ends = [asyncio.create_task(anext(feed, None)) for feed in feeds]
        await asyncio.sleep(0)
        await lent.close()
        assert await ends[1] is None
        said = await manager.add_message(mine.id, "user", "hi")
        change = await ends[0]
        assert change is not None
        assert change.value == said
        assert (await anext(feeds[0])).kind == "session"
        last = asyncio.create_task(anext(feeds[0], None))
        await asyncio.sleep(0)
        await manager.close()
        assert await last is None

    async def test_who_may_not_listen(self, manager: SessionManager, open_manager: OpenManager, clock: Clock) -> None:
        session, other = await chat(manager), await open_manager(clock=clock, app="other")
        for stranger, name in ((manager, "ses_x"), (other, session.id)):
            with raises(UnknownSession):
                await anext(stranger.listen(name))
        first = await anext(manager.listen(session.id))
        with raises(UnknownSession):
            await anext(other.listen(session.id, first.cursor))

    async def test_a_bad_cursor_is_refused(self, manager: SessionManager) -> None:
        session, other = await chat(manager), await chat(manager, "other")
        cursor = (await anext(manager.listen(session.id))).cursor
        bad: list[Any] = ["", "x", 5, "1-2-3-4", cursor + "0" * 30, cursor.replace("-", "_"), "é" * 20, cursor + "\n"]
        for value in bad:
            with raises(InvalidInput, "after"):
                manager.listen(session.id, value)
        with raises(InvalidInput, "after"):
            manager.listen(other.id, cursor)
        said = await manager.add_message(session.id, "user", "hi")
        ahead = (await anext(manager.listen(session.id, cursor))).cursor.split("-")
        for at, value in ((1, "99"), (2, "99")):
            with raises(InvalidInput, "after"):
                await anext(manager.listen(session.id, "-".join([*ahead[:at], value, *ahead[at + 1 :]])))
        assert (await anext(manager.listen(session.id, cursor))).value == said

    @pytest.mark.parametrize("count", [1, 3])
    async def test_a_summary_that_was_erased_is_not_waited_for(self, manager: SessionManager, count: int) -> None:
        session = await chat(manager, "group", external_user_id="host")
        cursor = (await anext(manager.listen(session.id))).cursor
        for number in range(1, count + 1):
            await manager.add_message(session.id, "user", "a secret of bob", author_id="bob")
            await manager.add_message(session.id, "assistant", "well")
            if not await self.summarized(manager, session, 2 * number, "Bob told a secret."):
                return
        feed = manager.listen(session.id, cursor)
        await anext(feed)  # it has seen that there are summaries
        await manager.erase_user("bob")
        now = await manager.get_session(session.id)
        assert named(await told(feed, now))[-1] == "session"
        assert "summary" not in named(await told(manager.listen(session.id, cursor), now))
