"""The finished prompt: what of a window is sent to the model, in which order, and what was left out.

Invariants: `build` is pure and decides from its arguments alone; the prompt never costs more than the budget; it is cut only
between turns, and the newest user message is always there; from one turn to the next its start stays the same, byte by byte,
until the cut moves (see `turnkeep.cut`), so that the provider's cache works.

    [system: the argument, or the log's leading system messages; how to read more, if the model has the tool for it]
    [pins, oldest first]
    [live summaries, oldest first] [a marker, if messages are not shown]
    [older turns]
    [state: changes often, so it stands late] [newest turn]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from turnkeep import recall, shapes
from turnkeep.calibration import NONE, allowed, costs
from turnkeep.cut import Layout, eased, openers, paired, plain
from turnkeep.errors import BudgetTooSmall
from turnkeep.session import JsonObject, LeftOut, Message, NewPin, NewSummary, Summary, Window
from turnkeep.shrink import large, note, shrink
from turnkeep.tokens import PER_MESSAGE, PRIMING, Counter
from turnkeep.turns import Piece, to_piece

SMALLEST_MESSAGE = 32  # tokens that must be left beside the fixed parts
_STEPS = 4  # a cut by tokens moves by a quarter of the budget, one by messages by half of their number
_NOTE = 40  # tokens that a note about summaries never needs
_MEMO_CHARS = 16_384

Gap: TypeAlias = Callable[[int, int, int, tuple[Message, ...], int], str]


class Context(msgspec.Struct, frozen=True):
    """A prompt in OpenAI's chat shape. `parts` says what each part costs, and sums to `tokens`.

    The parts: system, pins, state, tools, summaries, gap (markers), messages, frame (the reply's priming). The first `head` messages
    (system, pins, summaries, gap) stand before the turns; the first `stable` before state and newest turn: the next prompt begins
    with them, too, unless the cut moves. The tool schemas count, but are the caller's to send. `correction`: what the provider counts
    for 100 of these tokens, as far as its reports have told; the budget holds by its count.
    """

    messages: list[JsonObject]
    tokens: int
    parts: dict[str, int]
    left_out: tuple[LeftOut, ...]
    version: int
    session_id: str
    head: int
    stable: int
    correction: int = 100

    @property
    def fixed_tokens(self) -> int:
        """Of what stands in every prompt of the session: system, pins, state, tools, frame."""
        return self.tokens - self.parts["summaries"] - self.parts["gap"] - self.parts["messages"]

    def to_openai(self) -> list[JsonObject]:
        """`messages`."""
        return self.messages

    def to_anthropic(self, *, cache: shapes.CacheLifetime | None = None) -> JsonObject:
        """`{"system": [text blocks], "messages": [...]}` for Anthropic's Messages API; no "system" if there is none.

        `cache`: how long the provider is to keep the stable part; its end, and that of the system, get a breakpoint then.
        """
        return shapes.to_anthropic(self.messages, self.head, self.stable, cache)

    def to_gemini(self) -> JsonObject:
        """`{"system_instruction": ..., "contents": [...]}` for Gemini; no "system_instruction" if there is none."""
        return shapes.to_gemini(self.messages, self.head)


def truncation(from_seq: int, to_seq: int, count: int, dropped: tuple[Message, ...], max_tokens: int) -> str:
    """The plainest gap: a marker. A `Gap` may say more of what was `dropped` (as far as it was loaded), in `max_tokens`.

    Its answer must depend on nothing that changes before the cut does. Where the caller asked for few messages, the marker stands.
    """
    if count == 1:
        return f"[1 earlier message ({to_seq}) is not shown here.]"
    return f"[{count} earlier messages ({from_seq}-{to_seq}) are not shown here.]"


# --- the fixed parts
@lru_cache(maxsize=128)
def _remembered(counter: Counter, text: str) -> int:
    return counter.count(text)


def _count(counter: Counter, text: str) -> int:
    """Of texts that stand in prompt after prompt."""
    if len(text) > _MEMO_CHARS:
        return counter.count(text)
    return _remembered(counter, text)  # type: ignore[arg-type]  # a protocol does not say that it can be hashed


def _system_piece(counter: Counter, text: str) -> Piece:
    return Piece(0, {"role": "system", "content": text}, PER_MESSAGE + _count(counter, text), made_up=True)


def _state_text(window: Window, keys: Sequence[str]) -> str:
    """The named keys of both scopes, as JSON that is the same for the same values."""
    lines = []
    for label, state in (("User", window.user_state), ("Conversation", window.session_state)):
        named = {key: state[key] for key in keys if key in state}
        if named:
            lines.append(f"{label} state: {msgspec.json.encode(named, order='sorted').decode()}")
    return "\n".join(lines)


def summary_text(summary: NewSummary) -> str:
    """What the prompt says for a summary."""
    if not summary.to_seq:
        return f"Summary of an earlier conversation:\n{summary.text}"
    if not summary.from_seq:
        return f"Summary of earlier conversations and of messages 1-{summary.to_seq}:\n{summary.text}"
    return f"Summary of earlier messages {summary.from_seq}-{summary.to_seq}:\n{summary.text}"


def pin_text(pin: NewPin) -> str:
    """What the prompt says for a pin."""
    if pin.seq:
        return f"Pinned, word for word, message {pin.seq} ({pin.role}):\n{pin.text}"
    if pin.role is not None:
        return f"Pinned, word for word, from an earlier conversation ({pin.role}):\n{pin.text}"
    return f"Pinned, word for word:\n{pin.text}"


def _sum(pieces: Sequence[Piece]) -> int:
    return sum([piece.tokens for piece in pieces]) if pieces else 0


class _Fixed(msgspec.Struct):
    """What stands in the prompt whatever is cut."""

    system: list[Piece]
    state: list[Piece]
    tools: int

    @property
    def tokens(self) -> int:
        return PRIMING + self.tools + _sum(self.system) + _sum(self.state)


def _fixed(window: Window, counter: Counter, system: str | None, tools: list[JsonObject] | None, keys: Sequence[str]) -> _Fixed:
    if system is None and not window.prompt and not tools and not keys:
        return _NOTHING_FIXED
    if system is not None:
        first = [_system_piece(counter, system)] if system else []
    else:
        first = [to_piece(counter, message) for message in window.prompt if not message.erased]
    if tools and recall.is_asked(tools):
        first.append(_system_piece(counter, recall.RECEIPT))
    text = _state_text(window, keys) if keys else ""
    schemas = _count(counter, msgspec.json.encode(tools).decode()) if tools else 0
    return _Fixed(first, [_system_piece(counter, text)] if text else [], schemas)


_NOTHING_FIXED = _Fixed([], [], 0)  # nobody changes it


def _pinned(window: Window, counter: Counter, room: int) -> tuple[list[Piece], list[LeftOut]]:
    """The pins in at most half of the room; the oldest give way to the newest, by name."""
    kept: list[Piece] = []
    left: list[LeftOut] = []
    most = min(room // 2, room - SMALLEST_MESSAGE)
    for pin in reversed(window.pins):
        piece = _system_piece(counter, pin_text(pin))
        most -= piece.tokens
        if most < 0:
            left.insert(0, LeftOut("pin", pin.seq, pin.seq, 1, piece.tokens))
        else:
            kept.insert(0, piece)
    return kept, left


# --- the parts that give way
Live: TypeAlias = list[tuple[Summary, Piece]]


class _Chosen(msgspec.Struct):
    """What stands beside the fixed parts, in at most the room that they leave."""

    summaries: list[Piece]
    gap: list[Piece]
    older: list[JsonObject]
    newest: list[JsonObject]
    tokens: int  # of older and newest
    left_out: list[LeftOut]


class _Choice:
    """One window, one room; the ways to fill it, from showing all to showing the newest turn in part."""

    def __init__(self, window: Window, counter: Counter, room: int, budget: int, gap: Gap) -> None:
        self.window, self.counter, self.room, self.budget, self.gap = window, counter, room, budget, gap
        self.live: Live = []
        if window.summaries:
            self.live = [(summary, _system_piece(counter, summary_text(summary))) for summary in window.summaries]
        self.summaries = [piece for _, piece in self.live]
        self.beside = _sum(self.summaries)

    def choose(self, most: int | None) -> _Chosen:
        """All of it; or with less of large tool results; or from the oldest turn on that may open the prompt and fits."""
        messages = self.window.messages
        layout = plain(messages, self.counter.name) or paired(messages, self.counter)
        if not layout.starts:
            return self.squeezed(layout, layout.unpaired)
        if layout.plain is None and self.wanted(layout, most) + self.beside > self.room:
            layout = eased(layout, large(self.budget), self.counter)
        return self.cut(layout, most)

    def wanted(self, layout: Layout, most: int | None) -> int:
        """The tokens of all that the caller's own limit of messages lets in; without one of the whole window, loaded or not."""
        if most is None:
            return self.window.earlier_tokens + layout.tokens[0]
        let_in = (tokens for tokens, shown in zip(layout.tokens, layout.shown, strict=True) if shown <= most)
        return next(let_in, layout.tokens[-1])

    def cut(self, layout: Layout, most: int | None) -> _Chosen:
        whole = layout.plain is not None and not self.window.earlier and (most is None or layout.shown[0] <= most)
        if whole and layout.tokens[0] + self.beside <= self.room:  # the common case, and so without a search
            return self.from_turn(layout, 0, [], [])
        asked = layout.fits(most, self.room - self.beside)
        for turn in openers(layout, self.window, max(1, self.budget // _STEPS), most):
            tokens = layout.tokens[turn] + self.beside
            if tokens > self.room:
                continue
            gap = self.gap_before(layout, turn, max(8, self.budget // 8), truncation if asked else self.gap)
            if tokens + _sum(gap) <= self.room:
                return self.from_turn(layout, turn, gap, self.left_out(layout, asked, turn))
        return self.squeezed(layout, self.left_out(layout, asked, len(layout.starts) - 1))

    def from_turn(self, layout: Layout, turn: int, gap: list[Piece], left: list[LeftOut]) -> _Chosen:
        last = len(layout.starts) - 1
        older, newest = layout.outs(turn, last), layout.outs(last, last + 1)
        left = left + [entry for entry in layout.shortened if entry.from_seq >= layout.seqs[turn]] if layout.shortened else left
        return _Chosen(self.summaries, gap, older, newest, layout.tokens[turn], left)

    def squeezed(self, layout: Layout, left: list[LeftOut]) -> _Chosen:
        """Only the newest turn, which does not fit as it is: less of the summaries, then less of itself."""
        if layout.plain is not None:
            layout = paired(self.window.messages, self.counter)
        last = len(layout.starts) - 1
        most = max(8, self.room // 4)
        note_most = min(most, _NOTE)
        gap = self.gap_before(layout, last, most, self.gap)
        newest = layout.tokens[last] if layout.tokens else 0
        word = layout.turns[last].units[0][0].tokens if layout.turns else 0
        kept, gone = _drop_summaries(
            self.live, self.room, _sum(gap), note_most, newest, word if word + note_most <= self.room else 0
        )
        if gone:
            text = f"[The summary of messages {gone[0].from_seq}-{gone[-1].to_seq} is not shown here.]"
            gap.insert(0, note(self.counter, text, note_most))
        limit = self.room - _sum(kept) - _sum(gap)
        pieces, lost = shrink(layout.turns[last], limit, self.counter) if layout.turns else ([], [])
        return _Chosen(kept, gap, [], [piece.out for piece in pieces], _sum(pieces), gone + left + lost)

    def gap_before(self, layout: Layout, turn: int, most: int, words: Gap) -> list[Piece]:
        """What stands for the part of the window before that turn, in at most `most` tokens."""
        start = layout.starts[turn] if layout.starts else 0
        count = self.window.earlier + start
        if not count:
            return []
        to_seq = layout.seqs[turn] - 1 if layout.starts else self.from_seq() + count - 1
        asked = (self.from_seq(), to_seq, count, self.window.messages[:start], most)
        piece = _system_piece(self.counter, words(*asked))
        return [piece if piece.tokens <= most else note(self.counter, truncation(*asked), most)]

    def from_seq(self) -> int:
        messages = self.window.messages
        start = self.window.session.window_start
        return min(start, messages[0].seq) if messages else start

    def left_out(self, layout: Layout, asked: bool, cut: int) -> list[LeftOut]:
        """What of the window the prompt does not show when it opens with turn `cut`; whether the caller `asked` for so few."""
        opens, left = layout.seqs[cut], []
        reason: Literal["budget", "max_messages"] = "budget"
        if count := self.window.earlier + layout.starts[cut]:
            tokens = self.window.earlier_tokens + layout.before[cut]
            reason = "max_messages" if asked else "budget"
            left = [LeftOut(reason, self.from_seq(), opens - 1, count, tokens)]
        if layout.plain is not None:
            return left
        return left + layout.stragglers(cut, reason) + [entry for entry in layout.unpaired if entry.from_seq >= opens]


def _drop_summaries(live: Live, room: int, beside: int, marker: int, newest: int, word: int) -> tuple[list[Piece], list[LeftOut]]:
    """Without the oldest, as long as they and what stands `beside` them fill over half of the room and push the newest turn out.

    Or, though they fill less, push out the user's `word` that it opens with. Once one is dropped, its `marker` stands beside them too.
    """
    gone = 0
    while gone < len(live):
        taken = beside + _sum([piece for _, piece in live[gone:]]) + (marker if gone else 0)
        if (taken <= room // 2 and taken + word <= room) or taken + newest <= room:
            break
        gone += 1
    left = [
        LeftOut("summary", summary.from_seq, summary.to_seq, summary.to_seq - summary.from_seq + 1, piece.tokens)
        for summary, piece in live[:gone]
    ]
    return [piece for _, piece in live[gone:]], left


# --- putting it together


def _assembled(window: Window, fixed: _Fixed, pinned: list[Piece], chosen: _Chosen, correction: int) -> Context:
    head = [piece.out for piece in (*fixed.system, *pinned, *chosen.summaries, *chosen.gap)]
    state = [piece.out for piece in fixed.state]
    parts = {
        "system": _sum(fixed.system),
        "pins": _sum(pinned),
        "state": _sum(fixed.state),
        "tools": fixed.tools,
        "summaries": _sum(chosen.summaries),
        "gap": _sum(chosen.gap),
        "messages": chosen.tokens,
        "frame": PRIMING,
    }
    session = window.session
    stable = len(head) + len(chosen.older)
    messages = head + chosen.older + state + chosen.newest
    left_out = tuple(chosen.left_out)
    return Context(messages, sum(parts.values()), parts, left_out, session.version, session.id, len(head), stable, correction)


def has_large_results(window: Window, budget: int) -> bool:
    """Whether more of the window may fit than `budget` tokens of it: large tool results are shortened before turns are left out."""
    return window.earlier > 0 and any(one.role == "tool" and one.tokens > large(budget) for one in window.messages)


def build(
    window: Window,
    counter: Counter,
    *,
    system: str | None = None,
    tools: list[JsonObject] | None = None,
    context_state: Sequence[str] = (),
    max_messages: int | None = None,
    budget: int,
    correction: int = NONE,
    gap: Gap = truncation,
    field: str = "token_budget",
) -> Context:
    """The prompt for this window: at most `budget` tokens of the provider's, the reply excluded. See `SessionManager.build_context`.

    `BudgetTooSmall` (it names `field`) when the fixed parts leave less than `SMALLEST_MESSAGE`. A window's tail must hold
    `budget` tokens or `max_messages`, or its cut is not the one that a longer tail would have.
    """
    fixed = _fixed(window, counter, system, tools, context_state)
    ours = allowed(budget, correction)
    room = ours - fixed.tokens
    if room < SMALLEST_MESSAGE:
        reason = "the fixed parts of the prompt (system text, state, tool schemas) leave no room for a message"
        raise BudgetTooSmall(field, reason, size=costs(fixed.tokens + SMALLEST_MESSAGE, correction), limit=budget)
    if not window.pins:
        return _assembled(window, fixed, [], _Choice(window, counter, room, ours, gap).choose(max_messages), correction)
    pinned, left = _pinned(window, counter, room)
    chosen = _Choice(window, counter, room - _sum(pinned), ours, gap).choose(max_messages)
    chosen.left_out = left + chosen.left_out
    return _assembled(window, fixed, pinned, chosen, correction)
