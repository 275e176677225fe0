"""Recall: reading again, word for word, what prompts only summarize, shorten or leave out."""

from __future__ import annotations

from typing import Any

import pytest

from turnkeep.errors import InvalidInput, UnknownSession
from turnkeep.manager import SessionManager
from turnkeep.recall import Recalled
from turnkeep.session import Session
from turnkeep.testing.manager_contract.case import Case, Clock, OpenManager, calls, chat, raises, said, turns
from turnkeep.tokens import get_counter

TOOL = {"type": "function", "function": {"name": "recall", "parameters": {"type": "object"}}}


def seqs(found: Recalled) -> list[int]:
    return [one.seq for one in found.messages]


async def all_pages(manager: SessionManager, session: Session, **wanted: Any) -> list[Recalled]:
    pages = [await manager.recall(session.id, **wanted)]
    while pages[-1].next_seq is not None:
        pages.append(await manager.recall(session.id, **{**wanted, "from_seq": pages[-1].next_seq}))
    return pages


class Recalling(Case):
    """`recall`, and what prompts say of it."""

    async def test_covered_messages_are_read_page_by_page(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, compaction="manual")
        session = await chat(manager)
        stored = await turns(manager, session, 30)
        await manager.summarize_session(session.id)
        pages = await all_pages(manager, session, max_tokens=200)
        assert len(pages) > 3
        assert [(one.seq, one.role, one.text) for page in pages for one in page.messages] == [
            (one.seq, one.role, one.content) for one in stored
        ]
        counter = get_counter(session.tokenizer)
        for page in pages:
            assert counter.count(page.text()) <= page.tokens <= 200
        assert "[There is more: from_seq=" in pages[0].text()

    async def test_a_range(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await turns(manager, session, 3)
        found = await manager.recall(session.id, from_seq=2, to_seq=4)
        assert (seqs(found), found.next_seq) == ([2, 3, 4], None)
        assert found.text().splitlines()[0].startswith("2 assistant: answer 1:")
        assert seqs(await manager.recall(session.id, to_seq=2)) == [1, 2]
        assert seqs(await manager.recall(session.id, from_seq=5, to_seq=10**6)) == [5, 6]
        assert (await manager.recall(session.id, from_seq=7)).text() == "No such messages."

    async def test_words_find_messages(self, manager: SessionManager) -> None:
        session = await chat(manager)
        for text in ("The Café in Porto", "a café", "porto alone", "café, then PORTO.", "50% (really)"):
            await manager.add_message(session.id, "user", text)
        assert seqs(await manager.recall(session.id, words="porto café")) == [1, 4]
        assert seqs(await manager.recall(session.id, words="porto", from_seq=2)) == [3, 4]
        assert seqs(await manager.recall(session.id, words="50% (really)")) == [5]
        assert seqs(await manager.recall(session.id, words="lisbon")) == []
        assert seqs(await manager.recall(session.id, words=" ")) == [1, 2, 3, 4, 5]

    async def test_a_long_message_is_shortened_and_read_by_parts(self, manager: SessionManager) -> None:
        session = await chat(manager)
        text = " ".join(f"w{n}" for n in range(3000)) + " 字" * 500
        await manager.add_message(session.id, "user", text)
        await manager.add_message(session.id, "assistant", "Thanks.")
        page = await manager.recall(session.id, max_tokens=300)
        assert [(one.seq, one.shortened) for one in page.messages] == [(1, True), (2, False)]
        assert "left out" in page.messages[0].text
        around = await manager.recall(session.id, max_tokens=300, words="w1500")
        assert "w1500 " in around.messages[0].text
        first = await manager.recall(session.id, from_seq=1, to_seq=1, max_tokens=300)
        assert first.parts > 10
        parts = [
            await manager.recall(session.id, from_seq=1, to_seq=1, part=part, max_tokens=300)
            for part in range(1, first.parts + 1)
        ]
        counter = get_counter(session.tokenizer)
        assert all(counter.count(one.text()) <= 300 for one in parts)
        whole = "".join(one.messages[0].text for one in parts[: first.parts // 2])
        assert text.startswith(whole)
        assert (await manager.recall(session.id, from_seq=1, to_seq=1, part=10**6, max_tokens=300)).messages[0].text == ""

    async def test_tool_calls_and_parts_are_told(self, manager: SessionManager) -> None:
        session = await chat(manager)
        picture = {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}
        await manager.add_message(session.id, "user", [{"type": "text", "text": "see"}, picture])
        await manager.add_message(session.id, "assistant", None, tool_calls=calls("c1"))
        await manager.add_message(session.id, "tool", "blue", tool_call_id="c1")
        assert (await manager.recall(session.id)).text().splitlines() == [
            "1 user: see",
            "[attached: image_url]",
            '2 assistant: [calls look({"at": "sky"})]',
            "3 tool: blue",
        ]

    async def test_nothing_that_is_not_to_be_seen_is_read(self, manager: SessionManager) -> None:
        session = await chat(manager)
        await manager.add_message(session.id, "system", "the prompt")
        await turns(manager, session, 2)
        await manager.clear_messages(session.id)
        await turns(manager, session, 1, first=3)
        await manager.add_message(session.id, "user", "erased", author_id="bob")
        await manager.add_message(session.id, "user", "retracted")
        await manager.retract(session.id, 9)
        await manager.erase_user("bob")
        everything: list[dict[str, Any]] = [{}, {"from_seq": 1}, {"from_seq": 1, "to_seq": 99}]
        for wanted in everything:
            assert seqs(await manager.recall(session.id, **wanted)) == [6, 7]
        for seq in (1, 2, 5, 8, 9):
            assert seqs(await manager.recall(session.id, from_seq=seq, to_seq=seq)) == []
        assert seqs(await manager.recall(session.id, words="erased")) == []

    @pytest.mark.parametrize(
        ("field", "wanted"),
        [
            *(("from_seq", {"from_seq": value}) for value in (0, -1, 2**33, "1", 1.5, True)),
            *(("to_seq", {"to_seq": value}) for value in (0, "1", True)),
            ("to_seq", {"from_seq": 3, "to_seq": 2}),
            *(("part", {"part": value}) for value in (0, None, "1")),
            *(("max_tokens", {"max_tokens": value}) for value in (0, 63, 100_001, "100")),
            *(("words", {"words": value}) for value in (5, "x" * 513, "\0")),
        ],
    )
    async def test_what_cannot_be_asked_for(self, manager: SessionManager, field: str, wanted: dict[str, Any]) -> None:
        session = await chat(manager)
        with raises(InvalidInput, field):
            await manager.recall(session.id, **wanted)

    async def test_an_unknown_session(self, manager: SessionManager) -> None:
        with raises(UnknownSession):
            await manager.recall("no")

    async def test_a_prompt_tells_of_the_tool_only_if_it_has_it(self, open_manager: OpenManager, clock: Clock) -> None:
        manager = await open_manager(clock=clock, compaction="manual")
        session = await chat(manager, token_limit=700)
        heads = set()
        for first in range(1, 30, 10):
            await turns(manager, session, 10, first=first)
            await manager.summarize_session(session.id)
            plain = await manager.build_context(session.id, tools=[{**TOOL, "function": {"name": "look"}}])
            assert not any("recall" in text for text in said(plain))
            context = await manager.build_context(session.id, tools=[TOOL])
            assert context.tokens <= 700
            heads.add(said(context)[0])
        [receipt] = heads
        assert "recall" in receipt
