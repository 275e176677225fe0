"""Whether a model's answer can stand as a summary: pure functions over texts.

Invariant: what is refused here is what no reader could use, or what is not a summary at all; how good one is, is for the ledger to make up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from turnkeep.summarizers.languages import language_of, script_of

COPIED = 0.3  # of its words, in runs of `RUN`, are the instructions'
RUN = 6
_LEAST_WORDS = 30  # of an answer that may be told to go round in circles
_THOUGHT = re.compile(r"(?is)<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)")
_HEADING = re.compile(
    r"(?i)\A\s*(?:#+\s*)?\**(?:updated |new )?(?:summary|zusammenfassung|resumen|résumé|resumo|riassunto)\**\s*(?::|\n)\**\s*"
)
_REFUSAL = re.compile(
    r"(?i)\A\W*(?:i(?:'|’)?m (?:really |very |truly |so )?(?:sorry|unable|afraid)|i am (?:really |very )?(?:sorry|unable|afraid)"
    r"|sorry,? (?:but )?i\b"
    r"|i (?:can(?:'|’)?t|cannot|can not|won(?:'|’)?t|will not|must decline|do not feel)\b|as an? (?:ai|language model|assistant)\b"
    r"|(?:es )?tut mir leid|ich kann (?:das|dies|ihnen|dir|diese|hier)?\s?(?:leider )?nicht|leider kann ich"
    r"|lo siento|no puedo (?:ayudar|cumplir|resumir)"
    r"|(?:je suis )?désolée?|je ne peux pas|desculpe|não posso|mi dispiace|non posso|het spijt me|ik kan (?:dit|dat|niet)"
    r"|к сожалению, я|я не могу|извините)|\A\s*(?:申し訳|すみません|抱歉|对不起|我无法|我不能|죄송|عذرا|آسف|لا أستطيع)"
)
_WORD = re.compile(r"\w+")


def cleaned(text: str) -> str:
    """Without what models put around a summary: thoughts, a heading, a fence."""
    text = _THOUGHT.sub("", text).strip()
    if text.startswith("```") and text.endswith("```"):
        text = text[3:-3].partition("\n")[2].strip() or text
    return _HEADING.sub("", text).strip()


def fault(text: str, *, texts: Sequence[str], instructions: str, marker: str) -> str | None:
    """What is wrong with an answer to the instructions, in words; None if it can be used. `texts`: of the conversation."""
    if not text:
        return "it is empty"
    if marker in text or _copied(text, instructions) > COPIED:
        return "it repeats the instructions"
    if _REFUSAL.search(text):
        return "it is a refusal"
    if not _is_text(text):
        return "it is no text"
    if _goes_round(text):
        return "it goes round in circles"
    return _foreign(text, texts)


def _copied(text: str, instructions: str) -> float:
    words, theirs = _WORD.findall(text.casefold()), _WORD.findall(instructions.casefold())
    if len(words) < RUN:
        return 0.0
    runs = {tuple(theirs[at : at + RUN]) for at in range(len(theirs) - RUN + 1)}
    covered = set[int]()
    for at in range(len(words) - RUN + 1):
        if tuple(words[at : at + RUN]) in runs:
            covered.update(range(at, at + RUN))
    return len(covered) / len(words)


def _is_text(text: str) -> bool:
    """Whether most of it is letters, in words of a length that words have."""
    seen = [character for character in text if not character.isspace()]
    letters = sum(character.isalnum() for character in seen)
    if letters < 0.6 * len(seen) or "\ufffd" in text:
        return False
    longest = max(map(len, text.split()))
    return longest <= 60 or script_of(text) in ("Han", "Kana", "Thai")


def _goes_round(text: str) -> bool:
    words = _WORD.findall(text.casefold())
    if len(words) < _LEAST_WORDS:
        return False
    threes = Counter(zip(words, words[1:], words[2:], strict=False))
    return sum(many for many in threes.values() if many > 2) > 0.3 * len(words)


def _foreign(text: str, texts: Sequence[str]) -> str | None:
    wanted, script = language_of(texts), script_of("\n".join(texts))
    found, own = language_of([text]), script_of(text)
    if wanted is not None and found is not None and wanted != found:
        return f"it is in {found}, the conversation in {wanted}"
    if script is not None and own is not None and script != own and {script, own} != {"Han", "Kana"}:
        return f"it is in another script ({own}) than the conversation ({script})"
    return None
