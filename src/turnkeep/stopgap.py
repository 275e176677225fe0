"""What stands in a prompt for messages that must leave it before their summary is ready: an extractive summary, made on the spot.

Invariants: it is never stored; `context.build`, which is pure, is given it as a `Gap` that only looks it up; the same cut gets the
same words, in this process or in another, so that the prompt's start stays as it is until the cut moves: but for a marker where a
prompt would have to wait for the work of many others. The work grows with what
newly left, not with the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TypeAlias

import msgspec

from turnkeep.context import Gap, truncation
from turnkeep.session import Message, Session
from turnkeep.stores import Store
from turnkeep.summarizers import Ladder
from turnkeep.summarizers.extractive import Record
from turnkeep.tokens import PER_MESSAGE, Counter

SESSIONS = 256  # that are remembered
TEXTS = 16  # of one session
BLOCK = 64  # places in the log: words depend on blocks that begin at the window's start, not on which cuts were seen before
RESTART = 32  # blocks; of more, only the last one or two times as many are told of
SPARE = 2  # times as many tokens of records as are shown: the next cut chooses from them again

log = logging.getLogger("turnkeep.compaction")


Words: TypeAlias = dict[tuple[int, int, int, int], str]  # by generation, range and the most tokens


class Missing(Exception):
    """A prompt needs words for this range that have not been made yet."""

    def __init__(self, from_seq: int, to_seq: int, max_tokens: int) -> None:
        super().__init__(f"messages {from_seq}-{to_seq}")
        self.from_seq, self.to_seq, self.max_tokens = from_seq, to_seq, max_tokens


class _Made(msgspec.Struct):
    """What was made for one session since its window began there. `texts` by (to_seq, max_tokens), the newest last."""

    generation: int
    from_seq: int
    lock: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)  # two at once would fold one block twice, and the next never
    chain: _Chain | None = None
    texts: dict[tuple[int, int], str] = {}


class _Chain(msgspec.Struct):
    """The records of whole blocks, folded one into the next from block `start` up to, not with, block `end`."""

    start: int
    room: int  # tokens of the text that is made of them
    end: int
    records: list[Record]


class Stopgap:
    """One for each manager."""

    def __init__(self, store: Store, ladder: Ladder) -> None:
        self._store, self._ladder = store, ladder
        self._made: OrderedDict[str, _Made] = OrderedDict()

    def gap(self, session: Session, own: Words | None) -> Gap:
        """Looks up the words for what left the session's prompt: in `own`, which `make` gave to this caller, or in what is remembered.

        Raises `Missing` if `make` has to be called first.
        """

        def look(from_seq: int, to_seq: int, count: int, dropped: tuple[Message, ...], max_tokens: int) -> str:
            text = own.get((session.generation, from_seq, to_seq, max_tokens)) if own else None
            made = self._made.get(session.id) if text is None else None
            if made is not None and (made.generation, made.from_seq) == (session.generation, from_seq):
                text = made.texts.get((to_seq, max_tokens))
            if text is None:
                raise Missing(from_seq, to_seq, max_tokens)
            return text or truncation(from_seq, to_seq, count, dropped, max_tokens)

        return look

    async def make(self, session: Session, missing: Missing, counter: Counter) -> Words:
        """The words for that range. If they cannot be made, the plainest marker takes their place; also, for this once, if so much waits
        for theirs that the prompt would be late."""
        made = self._remembered(session, missing)
        async with made.lock:
            text = made.texts.get((missing.to_seq, missing.max_tokens))
            if text is None and not self._ladder.is_behind:
                text = await self._words_in_time(session, made, missing, counter)
                if text is not None:
                    while len(made.texts) >= TEXTS:
                        del made.texts[next(iter(made.texts))]
                    made.texts[missing.to_seq, missing.max_tokens] = text
        return {(session.generation, missing.from_seq, missing.to_seq, missing.max_tokens): text or ""}

    async def _words_in_time(self, session: Session, made: _Made, missing: Missing, counter: Counter) -> str | None:
        """None where the prompt would be late."""
        work = asyncio.create_task(self._words_or_none(session, made, missing, counter))
        try:
            return work.result() if await self._ladder.in_time(work) else None
        finally:
            work.cancel()

    def _remembered(self, session: Session, missing: Missing) -> _Made:
        made = self._made.get(session.id)
        if made is None or (made.generation, made.from_seq) != (session.generation, missing.from_seq):
            made = self._made[session.id] = _Made(session.generation, missing.from_seq)
        self._made.move_to_end(session.id)
        while len(self._made) > SESSIONS:
            self._made.popitem(last=False)
        return made

    async def _words_or_none(self, session: Session, made: _Made, missing: Missing, counter: Counter) -> str:
        try:
            return await self._words(session, made, missing, counter)
        except Exception:
            log.exception("no summary on the spot of messages %d-%d: a marker takes its place", missing.from_seq, missing.to_seq)
            return ""

    async def _words(self, session: Session, made: _Made, missing: Missing, counter: Counter) -> str:
        """A text of at most `max_tokens` with its heading; empty if there is nothing to say."""
        first, last = missing.from_seq, missing.to_seq
        blocks = (last - first + 1) // BLOCK
        start = max(blocks // RESTART - 1, 0) * RESTART
        heading = _heading(first, first + start * BLOCK, last)
        room = missing.max_tokens - counter.count(heading) - PER_MESSAGE - 1
        if room < 1:
            return ""
        chain = made.chain
        if chain is None or (chain.start, chain.room) != (start, room) or chain.end > blocks:
            chain = made.chain = _Chain(start, room, start, [])
        while chain.end < blocks:
            begin = first + chain.end * BLOCK
            chain.records = await self._onto(counter, chain, session, begin, begin + BLOCK - 1)
            chain.end += 1
        records = await self._onto(counter, chain, session, first + blocks * BLOCK, last)
        extractive = await self._ladder.extractive(counter)
        text = extractive.render(await self._ladder.choose(extractive, records, room))
        return heading + text if text else ""

    async def _onto(self, counter: Counter, chain: _Chain, session: Session, first: int, last: int) -> list[Record]:
        """The chain's records with those of `first..last` folded in."""
        messages = await self._store.visible(session, first, last)
        return await self._ladder.fold(counter, messages, chain.records, SPARE * chain.room)


def _heading(first: int, told: int, last: int) -> str:
    heading = f"Summary of earlier messages {told}-{last}:\n"
    return heading if told == first else f"[Earlier messages {first}-{told - 1} are not shown here.]\n{heading}"
