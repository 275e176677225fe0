"""Who keeps a long talk: Turnkeep, a sliding window, LlamaIndex's `Memory`, LangMem's `asummarize_messages`.

All that summarize get as much room for summaries as Turnkeep takes by default, and the same scripted model (`memory_writers`). The
peers count by the same tokenizer, and are otherwise as their documentation sets them up; their prompts may come out over the limit,
which costs them nothing here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.facts import COUNT, Json
from benchmarks.memory_talks import Prompt, size
from benchmarks.memory_writers import Writer, Written
from turnkeep import SessionManager
from turnkeep.compaction import summaries_share
from turnkeep.settings import Settings
from turnkeep.tokens import PRIMING


def room(limit: int) -> int:
    """Tokens that Turnkeep by default lets its summaries take."""
    session: Any = SimpleNamespace(token_limit=limit, fixed_tokens=0)
    return summaries_share(session, Settings())


def as_sent(message: Json) -> Json:
    return {key: value for key, value in message.items() if key != "created_at"}


def opened(
    path: Path, *, writer: Written | None = None, clock: Callable[[], float] = time.time, **settings: Any
) -> SessionManager:
    """A manager with the default settings but for those named."""
    more: dict[str, Any] = {} if writer is None else {"summarizer": writer}
    return SessionManager.open(f"sqlite:///{path}", settings=Settings(**settings), clock=clock, **more)


class Turnkeep:
    """As it comes, with another summarizer if one is given; `settle`: background work ends before the next message comes."""

    def __init__(self, writer: Written | None = None, *, settle: bool = True, **settings: Any) -> None:
        self.writer, self.settles, self.settings = writer, settle, settings
        self.now = time.time()

    async def open(self, place: Path, limit: int) -> None:
        self.manager = await opened(place / "talk.db", writer=self.writer, clock=lambda: self.now, **self.settings)
        self.id = ""
        self.limit = limit

    async def add(self, message: Json) -> None:
        if "created_at" in message:
            self.now = message["created_at"].timestamp()
        if not self.id:
            self.id = (await self.manager.get_or_create_session("bench", 1, token_limit=self.limit)).id
        await self.manager.add_message(self.id, **message)
        if self.settles:
            await self.manager.settle()

    async def prompt(self) -> Prompt:
        return (await self.manager.build_context(self.id)).messages

    async def epoch(self) -> object:
        return [summary.number for summary in await self.manager.get_summaries(self.id) if summary.live]

    async def close(self) -> None:
        await self.manager.close()


class Sliding:
    """The newest whole turns that fit; at least the newest."""

    async def open(self, place: Path, limit: int) -> None:
        self.limit = limit
        self.turns: list[list[Json]] = []

    async def add(self, message: Json) -> None:
        if message["role"] == "user" or not self.turns:
            self.turns.append([])
        self.turns[-1].append(as_sent(message))

    async def prompt(self) -> Prompt:
        left, taken = self.limit - PRIMING, 0
        for turn in reversed(self.turns):
            left -= sum(map(size, turn))
            if left < 0 and taken:
                break
            taken += 1
        return [message for turn in self.turns[-taken:] for message in turn]

    async def epoch(self) -> object:
        return None

    async def close(self) -> None:
        pass


# --- LlamaIndex

_FACT = re.compile(r"<fact>(.*?)</fact>", re.DOTALL)
FLUSH = 0.1  # of the limit: as its own defaults have it (3,000 of 30,000)


def _from_llama(message: Any) -> Json:
    found: Json = {"role": str(message.role.value), "content": message.content}
    found.update(message.additional_kwargs)
    return found


def _to_llama(message: Json) -> Any:
    from llama_index.core.llms import ChatMessage

    more = {key: message[key] for key in ("tool_calls", "tool_call_id") if key in message}
    return ChatMessage(role=message["role"], content=message["content"], additional_kwargs=more)


def _llama_model(writer: Writer, each: int, most: int, most_facts: int) -> Any:
    """A model that answers the two prompts of `FactExtractionMemoryBlock` with a line a fact."""
    from llama_index.core.llms import ChatMessage, ChatResponse, MockLLM

    class Scripted(MockLLM):  # type: ignore[misc]  # its package has no types
        async def achat(self, messages: Sequence[Any], **_: Any) -> Any:
            asked = messages[-1].content or ""
            if "condensed" in asked:
                known = "\n".join(_FACT.findall(asked.split("Return ONLY")[0]))
                lines = (await writer([], most, known)).splitlines()[-most_facts + 1 :]
            else:
                lines = (await writer([_from_llama(message) for message in messages[:-1]], each, "")).splitlines()
            text = "".join(f"<fact>{line}</fact>" for line in lines)
            return ChatResponse(message=ChatMessage(role="assistant", content=f"<facts>{text}</facts>"))

    return Scripted(max_tokens=None)


class LlamaIndex:
    """`Memory` with a `FactExtractionMemoryBlock`, in its default store, which is SQLite in memory.

    What it takes out of the history it hands to the model, which answers in a quarter as many tokens; when there are more facts than
    fit into the room for summaries (at 20 tokens each), the model says which to keep. (Its own limit is 50 facts, which keeps less.)
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    async def open(self, place: Path, limit: int) -> None:
        from llama_index.core.memory import FactExtractionMemoryBlock, Memory

        flush = int(FLUSH * limit)
        facts = room(limit) // 20
        model = _llama_model(self.writer, flush // 4, room(limit), facts)
        self.block = FactExtractionMemoryBlock(llm=model, max_facts=facts)
        self.memory: Any = Memory.from_defaults(
            token_limit=limit,
            token_flush_size=flush,
            chat_history_token_ratio=1 - room(limit) / limit,
            memory_blocks=[self.block],
            tokenizer_fn=lambda text: [None] * COUNT(text),
        )
        self.epochs = 0

    async def add(self, message: Json) -> None:
        await self.memory.aput(_to_llama(message))

    async def prompt(self) -> Prompt:
        return [_from_llama(message) for message in await self.memory.aget()]

    async def epoch(self) -> object:
        return list(self.block.facts)

    async def close(self) -> None:
        engine = self.memory.sql_store._async_engine
        if engine is not None:
            await engine.dispose()


# --- LangMem

_BEFORE, _AFTER = "This is summary of the conversation so far: ", "\n\nExtend this summary"


def _from_langchain(message: Any) -> Json:
    role = {"human": "user", "ai": "assistant"}.get(message.type, message.type)
    found: Json = {"role": role, "content": message.content}
    calls = message.additional_kwargs.get("tool_calls")
    if calls:
        found["tool_calls"] = calls
    return found | ({"tool_call_id": message.tool_call_id} if role == "tool" else {})


def _to_langchain(message: Json, number: int) -> Any:
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    content, more = message["content"] or "", {"id": str(number)}
    if message["role"] == "user":
        return HumanMessage(content, **more)
    if message["role"] == "tool":
        return ToolMessage(content, tool_call_id=message["tool_call_id"], **more)
    calls = message.get("tool_calls")
    return AIMessage(content, additional_kwargs={"tool_calls": calls} if calls else {}, **more)


class _LangChainModel:
    """All that `asummarize_messages` asks of one."""

    def __init__(self, writer: Writer, most: int) -> None:
        self.writer, self.most = writer, most

    async def ainvoke(self, messages: Sequence[Any]) -> Any:
        from langchain_core.messages import AIMessage

        asked = str(messages[-1].content)
        previous = asked.split(_BEFORE, 1)[1].rsplit(_AFTER, 1)[0] if _BEFORE in asked else ""
        said = [_from_langchain(message) for message in messages[:-1]]
        return AIMessage(await self.writer(said, self.most, previous))


class LangMem:
    """`asummarize_messages` before each prompt, with all messages and the running summary, as its documentation does.

    It summarizes all that is uncovered once that reaches `max_tokens_before_summary`: here what the room for the summary leaves.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    async def open(self, place: Path, limit: int) -> None:
        self.limit = limit
        self.summary: Any = None
        self.messages: list[Any] = []
        self.model = _LangChainModel(self.writer, room(limit))

    async def add(self, message: Json) -> None:
        self.messages.append(_to_langchain(message, len(self.messages)))

    async def prompt(self) -> Prompt:
        from langmem.short_term import asummarize_messages

        found = await asummarize_messages(
            self.messages,
            running_summary=self.summary,
            model=self.model,
            max_tokens=self.limit,
            max_tokens_before_summary=self.limit - room(self.limit),
            max_summary_tokens=room(self.limit),
            token_counter=lambda messages: sum(size(_from_langchain(message)) for message in messages),
        )
        self.summary = found.running_summary
        return [_from_langchain(message) for message in found.messages]

    async def epoch(self) -> object:
        return self.summary and self.summary.last_summarized_message_id

    async def close(self) -> None:
        pass
