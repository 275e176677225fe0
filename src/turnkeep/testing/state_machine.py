"""Random histories: every change in any order, over a real store and over the plain model beside it.

Invariant: after each step the store answers as the model says, its own `check()` finds nothing, and versions only rise.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from turnkeep.errors import Conflict, InvalidInput, PreconditionFailed, TooManyPins, UnknownPin, UnknownSession
from turnkeep.session import NewMessage, NewPin, Scope, Session
from turnkeep.stores.base import Guard
from turnkeep.testing.builders import APP, event, message, new_session, pin, summary, tool_result, tool_use
from turnkeep.testing.history import History, MakeStore
from turnkeep.testing.model import Chat, Line, merged, shown
from turnkeep.testing.strategies import CALLS, EXTERNALS, KEYS, PATCHES, PICK, PLAIN, RESULTS, TICK, TOKENS, USES


class StoreMachine(History):
    """Subclass it, or use `run_state_machine`. `make` makes the store of one history, over the folder given."""

    # --- sessions

    @initialize()
    def first(self) -> None:
        """A conversation that is under way, so that short histories get somewhere."""
        self.open_session((APP, "telegram", "1"), "ann", 10 * TICK, True)
        turn = [message("user", "a", external_id="x1"), tool_use("c1"), tool_result("c1"), message("assistant", "b")]
        self.append(0, [message("system", "be kind"), *turn], None)
        self.append(0, [message("user", "c", author_id="bob"), message("assistant", "d")], None)

    @rule(
        key=KEYS,
        user=st.sampled_from(["ann", "bob", None]),
        lifetime=st.sampled_from([None, 4 * TICK, 10 * TICK]),
        carry=st.booleans(),
    )
    def open_session(self, key: tuple[str, str, str], user: str | None, lifetime: int | None, carry: bool) -> None:
        new = new_session(
            app=key[0],
            interface_type=key[1],
            conversation_id=key[2],
            external_user_id=user,
            lifetime_ms=lifetime,
            carry_over="summary" if carry else "none",
        )
        before = self.model.of_key(key)[-1:]
        session, created = self.run(self.store.open_session(new, self.now))
        if before and before[0].is_open(self.now):
            assert (session.id, created) == (before[0].last.id, False)
            return
        assert (session.id, created) == (new.id, True)
        chat = Chat(session, None if lifetime is None else self.now + lifetime)
        self.model.chats[session.id] = chat
        for old in before:
            self.succeed(old, chat, carry)

    def succeed(self, old: Chat, chat: Chat, carry: bool) -> None:
        chat.predecessor = old.last.id
        if old.status == "active":
            self.close(old, "expired")
        carried = [(one.text, one.tokens) for one in old.live] if carry else []
        chat.live = self.run(self.store.summaries(chat.last.app, chat.last.id))
        assert [(one.text, one.tokens) for one in chat.live] == carried
        assert all((one.from_seq, one.to_seq, one.method) == (0, 0, "carried") for one in chat.live)

        chat.pins = self.run(self.store.pins(chat.last.app, chat.last.id))
        assert [(one.text, one.tokens, one.seq) for one in chat.pins] == [(one.text, one.tokens, 0) for one in old.pins if carry]
        assert all((new.source == (was.source or old.last.id)) for new, was in zip(chat.pins, old.pins, strict=False))
        assert all(one.author_id or not old.last.external_user_id for one in chat.pins)

    def close(self, chat: Chat, status: str) -> None:
        chat.status, chat.closed = status, self.now

    @rule(ticks=st.sampled_from([1, 1, 3, 12]))
    def advance(self, ticks: int) -> None:
        self.now += ticks * TICK

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK)
    def deactivate(self, number: int) -> None:
        chat = self.pick(number)
        session = self.run(self.store.deactivate(chat.last.app, chat.last.id, self.now))
        if chat.is_open(self.now):
            self.close(chat, "inactive")
        elif chat.status == "active":  # past its time: whether this closes it is the store's choice
            chat.status, chat.closed = session.status, session.closed_ms
            assert session.status_at(self.now) == "expired"

    @precondition(lambda self: len(self.model.chats) > 1)
    @rule(number=PICK)
    def delete(self, number: int) -> None:
        chat = self.pick(number)
        self.run(self.store.delete(chat.last.app, chat.last.id))
        self.forget([chat])

    def forget(self, chats: list[Chat]) -> None:
        for chat in chats:
            del self.model.chats[chat.last.id]
            with pytest.raises(UnknownSession):
                self.run(self.store.session(chat.last.app, chat.last.id))

    @rule(app=st.sampled_from([APP, "other", None]), retention=st.sampled_from([TICK + 1, 9 * TICK + 1]), dry=st.booleans())
    def cleanup(self, app: str | None, retention: int, dry: bool) -> None:
        chats = [chat for chat in self.model.chats.values() if app in (None, chat.last.app)]
        late = [chat for chat in chats if chat.status == "active" and not chat.is_open(self.now)]
        old = [chat for chat in chats if chat.closed is not None and self.now - chat.closed > retention]
        cleaned = self.run(self.store.cleanup(app, now_ms=self.now, retention_ms=retention, dry_run=dry))
        assert (cleaned.expired, cleaned.deleted, cleaned.dry_run) == (len(late), len(old), dry)
        if not dry:
            for chat in late:
                self.close(chat, "expired")
            self.forget(old)

    @rule(app=st.sampled_from([APP, APP, "other"]), user=st.sampled_from(["ann", "bob"]), kind=st.sampled_from([None, "web"]))
    def erase(self, app: str, user: str, kind: str | None) -> None:
        inside = [c for c in self.model.chats.values() if c.last.app == app and kind in (None, c.last.interface_type)]
        states = [k for k in self.model.user_states if k[0] == app and k[2] == user and kind in (None, k[1])]
        own = [chat for chat in inside if chat.last.external_user_id == user]
        erased = self.run(self.store.erase_user(app, user, kind, self.now))
        assert (erased.sessions, erased.states) == (len(own), len(states))
        self.forget(own)
        for chat in self.model.chats.values():
            gone = [one for one in chat.pins if one.source in {other.last.id for other in own}]
            gone += [one for one in chat.pins if chat in inside and one.author_id == user]
            chat.pins = [one for one in chat.pins if one not in gone]
        for owner in states:
            del self.model.user_states[owner]
        for chat in inside:
            self.bury(chat, user)
        for chat in self.model.chats.values():
            self.reread(chat)

    def bury(self, chat: Chat, user: str) -> None:
        for seq, line in enumerate(chat.lines, 1):
            if line.author == user:
                line.erase()
                chat.live = [one for one in chat.live if not one.from_seq <= seq <= one.to_seq]

    # --- the log

    @precondition(lambda self: self.model.chats)
    @rule(
        number=PICK,
        batch=st.lists(PLAIN | USES | RESULTS, min_size=1, max_size=4, unique_by=lambda one: one.external_id or id(one)),
        expected=st.sampled_from([None, None, None, 0, 1]),
    )
    def append(self, number: int, batch: list[NewMessage], expected: int | None) -> None:
        chat = self.pick(number)
        wanted = None if expected is None else len(chat.lines) - expected
        errors = self.model.refusals(chat, batch, wanted, self.now)
        call = self.store.append(chat.last.app, chat.last.id, batch, now_ms=self.now, expected_seq=wanted)
        if errors:
            with pytest.raises(tuple(errors)):
                self.run(call)
            return
        known = [self.model.known(chat, one.external_id) for one in batch]
        fresh = self.model.fresh(chat, batch)
        answer = self.run(call)
        assert answer.created == len(fresh)
        assert [m.seq for m, old in zip(answer.messages, known, strict=True) if old] == [old[0] for old in known if old]
        if fresh:
            lived = chat.is_open(self.now)
            chat.lines += [Line.of(one) for one in fresh]
            if lived and chat.last.lifetime_ms is not None:
                chat.expires = self.now + chat.last.lifetime_ms

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, batch=st.lists(PLAIN, min_size=1, max_size=3), behind=st.integers(0, 1))
    def append_under_a_key(self, number: int, batch: list[NewMessage], behind: int) -> None:
        chat, batch = self.pick(number), [replace(one, external_id=None) for one in batch]
        guard = Guard(expected_version=chat.last.version - behind, key=f"key {len(self.keyed)}")
        errors = self.model.refusals(chat, batch, None, self.now) | ({PreconditionFailed} if behind else set())
        call = self.store.append(chat.last.app, chat.last.id, batch, now_ms=self.now, guard=guard)
        if errors:
            with pytest.raises(tuple(errors)):
                self.run(call)
            return
        self.keyed.append((chat, guard, batch, [message.seq for message in self.run(call).messages]))
        if chat.is_open(self.now) and chat.last.lifetime_ms is not None:
            chat.expires = self.now + chat.last.lifetime_ms
        chat.lines += [Line.of(one) for one in batch]

    @precondition(lambda self: self.keyed)
    @rule(number=PICK)
    def append_again(self, number: int) -> None:
        chat, guard, batch, seqs = self.keyed[-1 - number % len(self.keyed)]
        call = self.store.append(chat.last.app, chat.last.id, batch, now_ms=self.now, guard=guard)
        if chat.last.id not in self.model.chats:
            with pytest.raises(UnknownSession):
                self.run(call)
            return
        answer = self.run(call)
        assert (answer.created, [shown(one) for one in answer.messages]) == (0, [chat.lines[seq - 1].shown(seq) for seq in seqs])

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, after=st.integers(0, 9), limit=st.integers(1, 5))
    def read_messages(self, number: int, after: int, limit: int) -> None:
        chat = self.pick(number)
        page = self.run(self.store.messages(chat.last.app, chat.last.id, after=after, limit=limit))
        lines = [line.shown(seq) for seq, line in enumerate(chat.lines, 1)]
        assert [shown(one) for one in page] == lines[after : after + limit]

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, tokens=st.none() | st.integers(0, 60), messages=st.none() | st.integers(1, 6))
    def read_window(self, number: int, tokens: int | None, messages: int | None) -> None:
        self.check_part(self.pick(number), tokens, messages)

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, name=EXTERNALS)
    def find_message(self, number: int, name: str | None) -> None:
        chat = self.pick(number)
        known = self.model.known(chat, name)
        found = self.run(self.store.find_message(chat.last.app, chat.last.id, name or "never"))
        assert (found and shown(found)) == (known and known[1].shown(known[0]))

    # --- the window

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, keep=st.booleans())
    def clear(self, number: int, keep: bool) -> None:
        chat = self.pick(number)
        after = self.run(self.store.clear(chat.last.app, chat.last.id, keep_summaries=keep, now_ms=self.now))
        assert after.generation > chat.last.generation
        for line in chat.lines:
            line.cleared = True
        if not keep:
            chat.live, chat.pins = [], []

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, back=st.integers(-1, 6))
    def retract(self, number: int, back: int) -> None:
        chat = self.pick(number)
        from_seq = len(chat.lines) - back
        call = self.store.retract(chat.last.app, chat.last.id, from_seq, self.now)
        if not chat.prompt() < from_seq <= len(chat.lines):
            with pytest.raises(InvalidInput):
                self.run(call)
            return
        assert self.run(call).generation > chat.last.generation
        for line in chat.lines[from_seq - 1 :]:
            line.hidden = True
        chat.live = [one for one in chat.live if one.to_seq < from_seq]
        chat.pins = [one for one in chat.pins if one.seq < from_seq]

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, length=st.integers(1, 5), merges=st.integers(0, 3), tokens=TOKENS)
    def add_summary(self, number: int, length: int, merges: int, tokens: int) -> None:
        chat = self.pick(number)
        replaced = chat.live[len(chat.live) - merges :] if 0 < merges <= len(chat.live) else []
        start = replaced[0].from_seq if replaced else chat.start()
        end = min(chat.start() - 1 + length, len(chat.lines))
        if end < max(start, 1):
            return
        row = summary(start, end, f"{start} to {end}", tokens=tokens)
        self.summarize(chat, row, chat.last.generation, [one.number for one in replaced])
        new = self.live(chat)
        assert [one.number for one in new][:-1] == [one.number for one in chat.live if one not in replaced]
        assert (new[-1].text, new[-1].tokens, new[-1].from_seq, new[-1].to_seq) == (row.text, tokens, start, end)
        chat.live = new

    def summarize(self, chat: Chat, row: Any, generation: int, replaces: list[int]) -> Session:
        return self.run(
            self.store.add_summary(chat.last.app, chat.last.id, row, generation=generation, now_ms=self.now, replaces=replaces)
        )

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, fault=st.sampled_from(["older", "newer", "start", "end", "replaces"]))
    def add_stale_summary(self, number: int, fault: str) -> None:
        chat = self.pick(number)
        start = chat.start() + (fault == "start")
        end = len(chat.lines) + (fault in {"start", "end"})
        generation = chat.last.generation + (fault == "newer") - (fault == "older")
        with pytest.raises(Conflict):
            self.summarize(chat, summary(start, end), generation, [10**9] if fault == "replaces" else [])

    # --- pins

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, back=st.integers(-1, 9), most=st.sampled_from([1, 3, 9]), most_tokens=st.sampled_from([9, 99]))
    def pin_message(self, number: int, back: int, most: int, most_tokens: int) -> None:
        chat = self.pick(number)
        seq = max(len(chat.lines) - back, 1)
        line = chat.lines[seq - 1] if seq <= len(chat.lines) else None
        wrong = line is None or line.erased or line.hidden or line.cleared
        role, author = (line.role, line.author) if line else ("user", None)
        new = pin(f"message {seq}", seq=seq, role=role, author_id=author)
        self.add_pin(chat, new, {InvalidInput} if wrong else set(), most, most_tokens)

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, text=st.sampled_from("abc"), user=st.sampled_from([None, "ann", "bob"]), most=st.sampled_from([1, 3, 9]))
    def pin_text(self, number: int, text: str, user: str | None, most: int) -> None:
        self.add_pin(self.pick(number), pin(text, author_id=user), set(), most, 99)

    def add_pin(self, chat: Chat, new: NewPin, errors: set[type[Exception]], most: int, most_tokens: int) -> None:
        call = self.store.pin(chat.last.app, chat.last.id, new, most=most, most_tokens=most_tokens)
        known = [one for one in chat.pins if (one.seq, one.role, one.text) == (new.seq, new.role, new.text)]
        if known:
            assert [self.run(call)] == known
            return
        if len(chat.pins) >= most or sum(one.tokens for one in chat.pins) + new.tokens > most_tokens:
            errors = errors | {TooManyPins}
        if errors:
            with pytest.raises(tuple(errors)):
                self.run(call)
            return
        chat.pins = [*chat.pins, self.run(call)]

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, which=st.integers(0, 2))
    def unpin(self, number: int, which: int) -> None:
        chat = self.pick(number)
        gone = chat.pins[which : which + 1]
        call = self.store.unpin(chat.last.app, chat.last.id, gone[0].number if gone else 10**9)
        if not gone:
            with pytest.raises(UnknownPin):
                self.run(call)
            return
        self.run(call)
        chat.pins = [one for one in chat.pins if one not in gone]

    # --- state and events

    @precondition(lambda self: self.model.chats)
    @rule(number=PICK, scope=st.sampled_from(["user", "session"]), patch=PATCHES, limit=st.sampled_from([30, 1000]))
    def update_state(self, number: int, scope: Scope, patch: dict[str, Any], limit: int) -> None:
        chat = self.pick(number)
        before = chat.state if scope == "session" else self.model.user_states.get(chat.owner, {})
        after = merged(before, patch)
        call = self.store.update_state(chat.last.app, chat.last.id, scope, patch, limit=limit, now_ms=self.now)
        if (scope == "user" and chat.last.external_user_id is None) or _bytes(after) > limit:
            with pytest.raises(InvalidInput):
                self.run(call)
            return
        assert self.run(call) == after
        if scope == "session":
            chat.state = after
            return
        self.model.user_states[chat.owner] = after
        for other in self.model.chats.values():
            if other.owner == chat.owner and other.is_open(self.now):
                version = self.run(self.store.version(other.last.app, other.last.id))
                assert version > other.last.version

    @precondition(lambda self: self.model.chats)
    @rule(
        number=PICK,
        kind=st.sampled_from(["tool_call", "error", "usage"]),
        call=st.sampled_from([None, *CALLS]),
        used=st.integers(0, 9),
    )
    def record(self, number: int, kind: Any, call: str | None, used: int) -> None:
        chat = self.pick(number)
        tokens = (used, 2 * used, used // 2) if kind == "usage" else (0, 0, 0)
        names = ("tokens_in", "tokens_out", "cache_read_tokens")
        sent = event(kind, "it", tool_call_id=call, counted_tokens=used or None, **dict(zip(names, tokens, strict=True)))
        self.run(self.store.record(chat.last.app, chat.last.id, sent))
        known = any(call in line.calls for line in chat.lines)
        chat.events += 1
        chat.errors += kind == "error"
        chat.calls += kind == "tool_call" and not known
        chat.usage = (chat.usage[0] + tokens[0], chat.usage[1] + tokens[1], chat.usage[2] + tokens[2])

    # --- all of it again

    @precondition(lambda self: self.persists)
    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.open()


def _bytes(state: dict[str, Any]) -> int:
    return len(msgspec.json.encode(state))


def run_state_machine(
    make_store: MakeStore, *, persists: bool = False, histories: int = 50, steps: int = 40, shrink: bool = False
) -> None:
    """Run random histories, the same ones every time. `make_store` makes a store, not yet open, over an empty folder.

    A store that `persists` is also closed and made again over its folder in the middle of a history. After a failure, `shrink`
    looks for the shortest history that fails: that may take minutes.
    """
    machine = type("Machine", (StoreMachine,), {"make": staticmethod(make_store), "persists": persists})
    wanted = settings(
        max_examples=histories,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=wanted)
