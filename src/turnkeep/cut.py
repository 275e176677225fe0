"""The cut: from which turn on a prompt shows the log.

Invariants: the cut is at the start of a turn, and never behind the newest; it moves in big steps, because a turn may open a
prompt only if a multiple of the step lies in it; whether it does depends on its place in the window (in tokens, or in `seq`),
not on what came later or on how much before it was loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec

from turnkeep.session import JsonObject, LeftOut, Message, Window
from turnkeep.tokens import Counter
from turnkeep.turns import Turn, split


class Layout(msgspec.Struct):
    """The turns in figures, one entry a turn; perhaps none.

    `starts` are the places of their first messages, `seqs` the numbers of these; `tokens` and `shown` are what a prompt that
    opens with the turn has of the log: to the end, not of the turn alone.
    """

    starts: list[int]
    seqs: list[int]
    tokens: list[int]
    shown: list[int]
    leading: bool  # the first turn has no user message: perhaps its start is not loaded
    plain: list[JsonObject] | None  # what is sent, if it is just the log's messages, one by one
    turns: list[Turn]  # empty if plain
    unpaired: list[LeftOut]

    def outs(self, first: int, end: int) -> list[JsonObject]:
        """What turns `first..end-1` send."""
        if self.plain is not None:
            return self.plain[self.starts[first] : self.starts[end] if end < len(self.starts) else None]
        return [piece.out for turn in self.turns[first:end] for piece in turn.pieces()]

    def fits(self, messages: int | None, tokens: int) -> bool:
        """Whether all that a limit of messages lets in has at most that many tokens. Without a limit nothing was let in."""
        if messages is None:
            return False
        allowed = [each for each, shown in zip(self.tokens, self.shown, strict=True) if shown <= messages]
        return not allowed or allowed[0] <= tokens

    def stragglers(self, cut: int) -> list[LeftOut]:
        """Late results and what follows them, that stand behind the cut and belong to a turn before it."""
        pieces = [piece for turn in self.turns[:cut] for piece in turn.pieces()]
        return [
            LeftOut("budget", piece.seq, piece.seq, 1, piece.tokens)
            for piece in pieces
            if piece.seq >= self.seqs[cut] and not piece.made_up
        ]


def _to_the_end(figures: Sequence[int]) -> list[int]:
    return [*accumulate(reversed(figures))][::-1]


def paired(messages: Sequence[Message], counter: Counter) -> Layout:
    """The layout of any log."""
    turns, unpaired = split(messages, counter)
    return Layout(
        [turn.start for turn in turns],
        [turn.seq for turn in turns],
        _to_the_end([turn.tokens for turn in turns]),
        _to_the_end([turn.shown for turn in turns]),
        bool(turns) and turns[0].leading,
        None,
        turns,
        unpaired,
    )


def plain(messages: Sequence[Message], name: str) -> tuple[list[JsonObject], list[int], int] | None:
    """For a log of texts by user and assistant alone, counted by that counter: what is sent, the places of user messages, tokens.

    The common case, and the fast one: 5 µs for 20 messages. None for any other log, or an empty one.
    """
    outs: list[JsonObject] = []
    users = []
    total = 0
    for message in messages:
        role, content = message.role, message.content
        if role == "user":
            users.append(len(outs))
        elif role != "assistant" or message.tool_calls:
            return None
        if type(content) is not str or message.counter != name or message.erased or message.name is not None:
            return None
        total += message.tokens
        outs.append({"role": role, "content": content})
    return (outs, users, total) if outs else None


def plain_layout(messages: Sequence[Message], outs: list[JsonObject], users: list[int]) -> Layout:
    leading = not users or users[0] > 0
    starts = [0, *users] if leading else users
    tokens = _to_the_end([message.tokens for message in messages])
    return Layout(
        starts,
        [messages[start].seq for start in starts],
        [tokens[start] for start in starts],
        [len(messages) - start for start in starts],
        leading,
        outs,
        [],
        [],
    )


def _holds_multiple(start: int, end: int, step: int) -> bool:
    """Whether a multiple of `step` lies in `start..end-1`."""
    return (end - 1) // step > (start - 1) // step


def openers(layout: Layout, window: Window, tokens: int, messages: int | None) -> Iterator[int]:
    """The turns that may open a prompt of at most that many messages of the log, oldest first; the newest always may.

    Those are the first, if all of the window was loaded, and the ones that hold a multiple of the steps: of `tokens`, and of half
    of `messages`.
    """
    starts, shown, last = layout.starts, layout.shown, len(layout.starts) - 1
    most = shown[0] if messages is None else messages
    if not window.earlier and last and shown[0] <= most:
        yield 0
    first = 1 if not window.earlier or layout.leading else 0
    places = [*accumulate([message.tokens for message in window.messages], initial=window.earlier_tokens)]
    for turn in range(first, last):
        if shown[turn] <= most and (
            _holds_multiple(places[starts[turn]], places[starts[turn + 1]], tokens)
            or (messages and _holds_multiple(layout.seqs[turn], layout.seqs[turn + 1], max(1, messages // 2)))
        ):
            yield turn
    yield last
