"""Scripted models for the memory benchmark: who writes a summary where a peer asks its language model for one.

None of them is a language model, so the figures compare ways to compact, not models; the same writer is handed to everyone.

- `lexrank`: the sentences that sumy's LexRank ranks highest among the messages and the summary so far, in their order, as many as
  fit. Tool calls and their results are left out: they are long, and LexRank likes them, so that it does worse with them.
- `extract`: Turnkeep's own extractive summarizer, with the text of the summary so far.

(The first words of every message, which is what scripted models in tests often answer, keep next to nothing: 0.02.)
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import Any

from benchmarks.facts import COUNT, Json
from turnkeep.session import Message
from turnkeep.summarizers import Extractive

Writer = Callable[[Sequence[Json], int, str], Awaitable[str]]  # messages, the most tokens, the summary so far
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\w+")


class _Tokenizer:
    """For sumy, whose own needs data that nltk downloads."""

    def to_words(self, sentence: str) -> tuple[str, ...]:
        return tuple(_WORD.findall(sentence))


def _ranked(sentences: list[str]) -> list[int]:
    """Their places, the best first."""
    import numpy
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
    from sumy.nlp.stemmers import Stemmer
    from sumy.summarizers.lex_rank import LexRankSummarizer
    from sumy.utils import get_stop_words

    class Ranker(LexRankSummarizer):  # type: ignore[misc]  # its package has no types
        def _get_best_sentences(self, sentences: Any, count: Any, rating: Any) -> list[int]:
            return sorted(range(len(sentences)), key=lambda at: -rating[sentences[at]])

    ranker = Ranker(Stemmer("english"))
    ranker.stop_words = get_stop_words("english")
    document = ObjectDocumentModel([Paragraph([Sentence(sentence, _Tokenizer()) for sentence in sentences])])
    with numpy.errstate(invalid="ignore"):  # where no sentence is like another, it divides zero by zero
        found: list[int] = ranker(document, len(sentences))
    return found


async def lexrank(messages: Sequence[Json], max_tokens: int, previous: str) -> str:
    spoken = [message.get("content") or "" for message in messages if message["role"] != "tool"]
    sentences = [sentence for text in (previous, *spoken) for sentence in _SENTENCE.split(text) if _WORD.search(sentence)]
    unique = list(dict.fromkeys(sentences))
    ranked = _ranked(unique) if unique else []
    costs = accumulate(COUNT(unique[at]) + 1 for at in ranked)
    chosen = [at for at, cost in zip(ranked, costs, strict=True) if cost <= max_tokens]
    return "\n".join(unique[at] for at in sorted(chosen))


async def extract(messages: Sequence[Json], max_tokens: int, previous: str) -> str:
    return Extractive().summarize(messages, max_tokens=max_tokens, previous=[previous] if previous else None)


WRITERS: dict[str, Writer] = {"lexrank": lexrank, "extract": extract}


class Written:
    """A writer as Turnkeep's summarizer."""

    method: str = "model"
    ledger = False  # its text is what is measured

    def __init__(self, name: str, writer: Writer) -> None:
        self.source: str | None = name
        self.write = writer

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        return await self.write([as_dict(message) for message in messages], max_tokens, "\n".join(previous))


def as_dict(message: Message) -> Json:
    found: Json = {"role": message.role, "content": message.content, "created_at": message.created_at}
    if message.tool_calls:
        found["tool_calls"] = message.tool_calls
    if message.tool_call_id:
        found["tool_call_id"] = message.tool_call_id
    return found
