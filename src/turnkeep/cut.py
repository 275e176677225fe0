"""The cut: from which turn on a prompt shows the log.

Invariants: the cut is at the start of a turn, and never behind the newest; it moves in big steps, because a turn may open a
prompt only if a multiple of the step lies in it; whether it does depends on its place in the window (in tokens, or in `seq`),
not on what came later or on how much before it was loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Literal

import msgspec
from msgspec.structs import replace

from turnkeep.session import JsonObject, LeftOut, Message, Window
from turnkeep.shrink import shorten_piece
from turnkeep.tokens import Counter
from turnkeep.turns import Piece, Turn, split


class Layout(msgspec.Struct):
    """The turns in figures, one entry a turn; perhaps none.

    `starts` are the places of their first messages, `seqs` the numbers of these; `tokens` and `shown` are what a prompt that
    opens with the turn has of the log: to the end, not of the turn alone. `before` are the tokens of the loaded messages that
    stand before the turn's first; one entry more, for the end.
    """

    starts: list[int]
    seqs: list[int]
    tokens: list[int]
    shown: list[int]
    before: list[int]
    leading: bool  # the first turn has no user message: perhaps its start is not loaded
    plain: list[JsonObject] | None  # what is sent, if it is just the log's messages, one by one
    turns: list[Turn]  # empty if plain
    unpaired: list[LeftOut]
    shortened: list[LeftOut] = []

    def outs(self, first: int, end: int) -> list[JsonObject]:
        """What turns `first..end-1` send."""
        if self.plain is not None:
            return self.plain[self.starts[first] : self.starts[end] if end < len(self.starts) else None]
        return [piece.out for turn in self.turns[first:end] for piece in turn.pieces()]

    def fits(self, messages: int | None, tokens: int) -> bool:
        """Whether all that a limit of messages lets in has at most that many tokens. Without a limit nothing was let in."""
        if messages is None:
            return False
        for each, shown in zip(self.tokens, self.shown, strict=True):
            if shown <= messages:
                return each <= tokens
        return True

    def stragglers(self, cut: int, reason: Literal["budget", "max_messages"]) -> list[LeftOut]:
        """Late results and what follows them, that stand behind the cut and belong to a turn before it, cut off for that reason."""
        pieces = [piece for turn in self.turns[:cut] for piece in turn.pieces()]
        return [
            LeftOut(reason, piece.seq, piece.seq, 1, piece.tokens)
            for piece in pieces
            if piece.seq >= self.seqs[cut] and not piece.made_up
        ]


def _to_the_end(figures: Sequence[int]) -> list[int]:
    return [*accumulate(reversed(figures))][::-1]


def paired(messages: Sequence[Message], counter: Counter) -> Layout:
    """The layout of any log."""
    turns, unpaired = split(messages, counter)
    places = [*accumulate([message.tokens for message in messages], initial=0)]
    return Layout(
        [turn.start for turn in turns],
        [turn.seq for turn in turns],
        _to_the_end([turn.tokens for turn in turns]),
        _to_the_end([turn.shown for turn in turns]),
        [*(places[turn.start] for turn in turns), places[-1]],
        bool(turns) and turns[0].leading,
        None,
        turns,
        unpaired,
    )


def eased(layout: Layout, most: int, counter: Counter) -> Layout:
    """The same with each tool result of the older turns in at most `most` tokens, and what they lost by that."""
    turns, lost = [], []
    for turn in layout.turns[:-1]:
        units = [[_eased(piece, most, counter) for piece in unit] for unit in turn.units]
        pairs = zip(turn.pieces(), chain.from_iterable(units), strict=True)
        lost += [LeftOut("shortened", old.seq, old.seq, 1, old.tokens - new.tokens) for old, new in pairs if new is not old]
        turns.append(replace(turn, units=units, tokens=sum(piece.tokens for unit in units for piece in unit)))
    turns += layout.turns[-1:]
    return replace(layout, turns=turns, tokens=_to_the_end([turn.tokens for turn in turns]), shortened=lost)


def _eased(piece: Piece, most: int, counter: Counter) -> Piece:
    if piece.out["role"] != "tool" or piece.tokens <= most:
        return piece
    return shorten_piece(counter, piece, piece, most)


def plain(messages: Sequence[Message], name: str) -> Layout | None:
    """The layout of a log of texts by user and assistant alone, counted by the counter of that name; None for any other log.

    The common case, and so in one pass: 5 µs for 20 messages.
    """
    outs: list[JsonObject] = []
    starts: list[int] = []
    seqs: list[int] = []
    before: list[int] = []  # tokens
    total = 0
    for message in messages:
        role, content = message.role, message.content
        if role == "user":
            starts.append(len(outs))
            seqs.append(message.seq)
            before.append(total)
        elif role != "assistant" or message.tool_calls:
            return None
        if content.__class__ is not str or message.counter != name or message.erased or message.name is not None:
            return None
        total += message.tokens
        outs.append({"role": role, "content": content})
    leading = bool(outs) and (not starts or starts[0] > 0)
    if leading:
        starts, seqs, before = [0, *starts], [messages[0].seq, *seqs], [0, *before]
    count = len(outs)
    tokens = [total - tokens for tokens in before]
    return Layout(starts, seqs, tokens, [count - start for start in starts], [*before, total], leading, outs, [], [])


def openers(layout: Layout, window: Window, tokens: int, messages: int | None) -> Iterator[int]:
    """The turns that may open a prompt of at most that many messages of the log, oldest first; the newest always may.

    Those are the first, if all of the window was loaded, and the ones that hold a multiple of the steps: of `tokens`, and of half
    of `messages`.
    """
    shown, before, seqs, last = layout.shown, layout.before, layout.seqs, len(layout.starts) - 1
    most = shown[0] if messages is None else messages
    step = max(1, messages // 2) if messages else 0
    earlier = window.earlier_tokens - 1
    if not window.earlier and last and shown[0] <= most:
        yield 0
    for turn in range(1 if not window.earlier or layout.leading else 0, last):
        if shown[turn] <= most and (
            (earlier + before[turn + 1]) // tokens > (earlier + before[turn]) // tokens
            or (step and (seqs[turn + 1] - 1) // step > (seqs[turn] - 1) // step)
        ):
            yield turn
    yield last
