"""One history: a store, the model beside it, and what must hold after each step."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from turnkeep.session import NewMessage, Session, Summary
from turnkeep.stores.base import Commit, Guard, Store
from turnkeep.testing.builders import APP, NOW, PAGE, log
from turnkeep.testing.model import Chat, Model, shown

T = TypeVar("T")
MakeStore = Callable[[Path], Store]


class History(RuleBasedStateMachine):
    """`make` makes the store, over the folder given. All its calls run in one loop of the history's own."""

    make: ClassVar[MakeStore]
    persists: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(prefix="turnkeep-", ignore_cleanup_errors=True)
        self.model = Model()
        self.now = NOW
        self.keyed: list[tuple[Chat, Guard, list[NewMessage], list[int]]] = []  # appends under a key, and the seqs they made
        self.heard: list[Commit] = []
        self.open()

    def open(self) -> None:
        self.store = type(self).make(Path(self.folder.name))
        self.store.listeners.append(self.heard.append)
        self.run(self.store.open())

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(call)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    def pick(self, number: int) -> Chat:
        chats = list(self.model.chats.values())
        return chats[-1 - number % len(chats)]  # 0, where shrinking ends, is the newest

    def check_part(self, chat: Chat, tokens: int | None, messages: int | None) -> None:
        """A limited window is the newest part: enough of it, the newest user message too, and the rest counted."""
        window = self.run(self.store.window(chat.last.app, chat.last.id, tokens=tokens, messages=messages))
        part, whole = [shown(one) for one in window.messages], chat.visible()
        left = whole[: len(whole) - len(part)]
        assert left + part == whole
        assert (window.earlier, window.earlier_tokens) == (len(left), sum(line[3] for line in left))
        reached = sum(line[3] for line in part)
        enough = (tokens is not None and reached >= tokens) or (messages is not None and len(part) >= messages)
        asked = [any(line[1] == "user" for line in lines) for lines in (part, whole)]
        assert not left or (enough and asked[0] == asked[1])

    def reread(self, chat: Chat) -> None:
        """Which of the summaries that may stay live do stay: those carried over, or behind a gap, need not."""
        live = self.live(chat)
        assert {one.number for one in live} <= {one.number for one in chat.live}
        chat.live = live

    def live(self, chat: Chat) -> list[Summary]:
        rows = self.run(self.store.summaries(chat.last.app, chat.last.id))
        return sorted((one for one in rows if one.live), key=lambda one: (one.to_seq, one.number))

    @invariant()
    def sessions_are_as_the_model_says(self) -> None:
        for chat in self.model.chats.values():
            app, name = chat.last.app, chat.last.id
            window = self.run(self.store.window(app, name))
            session = window.session
            figures = chat.figures()
            assert {field: getattr(session, field) for field in figures} == figures
            assert [shown(one) for one in window.messages] == chat.visible()
            assert [one.number for one in window.summaries] == [one.number for one in chat.live]
            assert [one.seq for one in window.prompt] == list(range(1, chat.prompt() + 1))
            assert list(window.pins) == chat.pins == self.run(self.store.pins(app, name))
            assert window.session_state == chat.state
            assert window.user_state == self.model.user_states.get(chat.owner, {})
            self.compare(chat, session)
            chat.last = session
            self.check_part(chat, None, 1 + len(chat.lines) % 3)
        self.heard.clear()

    def compare(self, chat: Chat, session: Session) -> None:
        """Versions rise with every change, and listeners have heard of each."""
        heard = [one for one in self.heard if one.session_id == session.id]
        versions = [chat.last.version] + [one.session.version for one in heard if one.session]
        if chat.last.seq == 0 and heard:
            versions = versions[1:]  # a new session is heard of with the version that it begins with
        assert versions == sorted(set(versions))
        if heard:
            assert heard[-1].session == session
        else:
            assert session == chat.last
        assert self.run(self.store.version(session.app, session.id)) == session.version
        assert self.run(self.store.session(session.app, session.id)) == session

    @invariant()
    def the_store_finds_itself_sound(self) -> None:
        assert self.run(self.store.check()) == []

    @invariant()
    def counts_are_as_the_model_says(self) -> None:
        chats = [chat for chat in self.model.chats.values() if chat.last.app == APP]
        stats = self.run(self.store.stats(APP, self.now))
        assert (stats.total_sessions, stats.total_messages) == (len(chats), sum(len(c.lines) for c in chats))
        assert stats.active_sessions == sum(chat.is_open(self.now) for chat in chats)
        for chat in chats[-1:]:
            rows = self.run(log(self.store, chat.last))
            assert [shown(one) for one in rows] == [line.shown(seq) for seq, line in enumerate(chat.lines, 1)]
            assert [one.erased for one in rows] == [line.erased for line in chat.lines]
            events = self.run(self.store.events(APP, chat.last.id, after=0, limit=PAGE))
            assert len(events) == chat.events
