"""The built-in assistant: no model, no key, no network, and the session used for real.

It sets preferences, answers from them and from the conversation, and calls two tools. Everything else it meets with what it can do.

Invariant: what it says of the past stands in the context it was given, in the user's state, or in a tool's result.
"""

from __future__ import annotations

import ast
import asyncio
import operator
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from turnkeep.agents.base import Turn
from turnkeep.agents.tools import Tool, tool
from turnkeep.session import JsonObject, Scope

HELP = (
    "I am Turnkeep's offline assistant: no model answers here, but the session is real. Try: “my name is Ada”, “remember that"
    " the demo is on Friday”, “what do you know about me?”, “what did I ask first?”, “what did I say about the demo?”,"
    " “12 * (3 + 4)”, “what time is it?”."
)
_PAUSE = 0.002  # seconds between words, so that streaming shows
_NAME = re.compile(
    r"\b(?:my name is|call me|i am called|ich heiße|mein name ist)\s+([\w' -]{1,40}?)(?=\s+(?:and|but|und|aber)\b|\s*(?:[.,;!?]|$))",
    re.IGNORECASE,
)
_REMEMBER = re.compile(
    r"^(?:please\s+)?(?:remember|note|merke? dir)\s+(?:that\s+|dass\s+)?(.+?)[.!]*$", re.IGNORECASE | re.DOTALL
)
_PREFER = re.compile(r"\bi (?:prefer|like|love)\s+(.+?)[.!]*$", re.IGNORECASE)
_WHO = re.compile(r"\bwhat(?:'s| is) my name\b|\bwho am i\b|\bwie heiße ich\b", re.IGNORECASE)
_KNOWN = re.compile(r"\bwhat do you (?:know|remember)\b|\bwas weißt du\b", re.IGNORECASE)
_ABOUT = re.compile(r"\bwhat did (?:i|we) (?:say|tell you|ask|mention) about\s+(?:(?:the|my|an?)\s+)?(.+?)\s*\??$", re.IGNORECASE)
_ORDER = re.compile(r"\bwhat did i (?:say|ask)\b.*\b(first|last|before)\b", re.IGNORECASE)
_TIME = re.compile(r"\bwhat (?:time|day|date) is it\b|\bwhat(?:'s| is) the (?:time|date)\b|\bwie spät\b", re.IGNORECASE)
_SUM = re.compile(
    r"(?:what(?:'s| is)|calculate|compute|rechne)?\s*(\(*-?[\d.]+(?:\s*[-+*/%()]+\s*-?[\d.]*)+)\s*=?\s*\??", re.IGNORECASE
)
_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def calculate(expression: str) -> str:
    """The value of a sum of numbers with + - * / % and brackets."""
    return f"{_value(ast.parse(expression.strip(), mode='eval').body):.12g}"


def _value(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_value(node.operand))
    raise ValueError("only numbers and + - * / % ( )")


def clock() -> str:
    """The date and the time, in UTC."""
    return datetime.now(UTC).strftime("%A, %d %B %Y, %H:%M UTC")


class OfflineAgent:
    """See the module. It knows the languages of its patterns (English, a little German) and answers in English."""

    name = "offline"

    def __init__(self) -> None:
        self.calculate: Tool = tool(calculate)
        self.clock: Tool = tool(clock)

    async def schemas(self) -> list[JsonObject]:
        return [self.calculate.schema(), self.clock.schema()]

    async def run(self, turn: Turn) -> AsyncIterator[str]:
        answer = await self._answer(turn, _text(turn.context.messages[-1]["content"]).strip())
        for word in re.findall(r"\S+\s*", answer):
            yield word
            await asyncio.sleep(_PAUSE)

    async def _answer(self, turn: Turn, asked: str) -> str:
        if found := _NAME.search(asked):
            await _keep(turn, {"name": found[1].strip()})
            return f"Noted: your name is {found[1].strip()}."
        if (found := _REMEMBER.search(asked)) or (found := _PREFER.search(asked)):
            return await self._remember(turn, found[1].strip() if found.re is _REMEMBER else found[0].rstrip(".!"))
        if _WHO.search(asked):
            name = (await _kept(turn)).get("name")
            return f"Your name is {name}." if name else "You have not told me your name yet."
        if _KNOWN.search(asked):
            return _told(await _kept(turn))
        if found := _ABOUT.search(asked) or _ORDER.search(asked):
            return _from_history(turn.context.messages[:-1], found)
        return await self._use_tools(turn, asked)

    async def _remember(self, turn: Turn, fact: str) -> str:
        facts = (await _kept(turn)).get("facts") or []
        await _keep(turn, {"facts": [*facts[-49:], fact]})
        return f"Noted: {fact}."

    async def _use_tools(self, turn: Turn, asked: str) -> str:
        if _TIME.search(asked):
            return f"It is {await turn.use(self.clock)}."
        if found := _SUM.fullmatch(asked):
            return f"{found[1].strip()} = {await turn.use(self.calculate, expression=found[1])}"
        return f"{HELP} This is message {turn.message.seq} of our conversation."


def _scope(turn: Turn) -> Scope:
    return "user" if turn.session.external_user_id is not None else "session"


async def _kept(turn: Turn) -> JsonObject:
    return await turn.sessions.get_state(turn.session.id, _scope(turn))


async def _keep(turn: Turn, patch: JsonObject) -> None:
    await turn.sessions.update_state(turn.session.id, patch, _scope(turn))


def _told(state: JsonObject) -> str:
    lines = [f"Your name is {state['name']}."] if state.get("name") else []
    lines += [f"You told me: {fact}." for fact in state.get("facts") or []]
    return " ".join(lines) or "Nothing yet. Tell me your name, or say “remember that ...”."


def _from_history(messages: list[JsonObject], asked: re.Match[str]) -> str:
    """The user's own words, as far as the context still has them word for word, else a line of a summary."""
    said = [_text(message["content"]) for message in messages if message["role"] == "user"]
    if asked.re is _ORDER:
        if not said:
            return "This is the first thing you said in this conversation."
        return f"You said: “{said[0] if asked[1].lower() == 'first' else said[-1]}”"
    wanted = asked[1].casefold()
    lines = [line for text in said for line in text.splitlines() if wanted in line.casefold()]
    if lines:
        return f"You said: “{lines[-1]}”"
    told = [_text(message["content"]) for message in messages if message["role"] == "system"]
    lines = [line for text in told for line in text.splitlines() if wanted in line.casefold()]
    return f"My summary says: {lines[-1]}" if lines else f"I find nothing about “{asked[1]}” in this conversation."


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content or () if part.get("type") == "text")
