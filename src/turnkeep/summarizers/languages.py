"""Which language a text is in: by its script, and where many share one, by its commonest words.

Invariant: it says nothing rather than something unsure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

READ = 20_000  # characters
LEAST = 4  # common words
_SCRIPTS = {
    "Greek": "\u0370-\u03ff",
    "Cyrillic": "\u0400-\u052f",
    "Armenian": "\u0530-\u058f",
    "Hebrew": "\u0590-\u05ff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f",
    "Devanagari": "\u0900-\u097f",
    "Bengali": "\u0980-\u09ff",
    "Tamil": "\u0b80-\u0bff",
    "Thai": "\u0e00-\u0e7f",
    "Georgian": "\u10a0-\u10ff",
    "Hangul": "\u1100-\u11ff\uac00-\ud7af",
    "Kana": "\u3040-\u30ff",
    "Han": "\u3400-\u9fff",
    "Latin": "A-Za-z\u00c0-\u024f",
}
_LETTERS = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}
_OF_SCRIPT = {
    "Greek": "Greek",
    "Armenian": "Armenian",
    "Hebrew": "Hebrew",
    "Thai": "Thai",
    "Georgian": "Georgian",
    "Hangul": "Korean",
    "Kana": "Japanese",
    "Han": "Chinese",
    "Bengali": "Bengali",
    "Tamil": "Tamil",
}
_COMMON = {
    "English": "the and is are was of to in for with that this it you i have be on at not do can will from an my we they which been",
    "German": "der die das und ist nicht ich sie wir mit für auf ein eine einen dem den von zu auch wird wurde hat haben bei um im am",
    "French": "le la les des est et une dans pour pas que qui sur avec nous vous je il elle sont ce cette au aux du été plus",
    "Spanish": "el la los las es y una en para con por que no se del al lo su está son como más pero fue yo muy hay",
    "Portuguese": "o a os as é e uma em para com por que não se do da no na um mas foi são mais eu ao você está",
    "Italian": "il lo gli è e una in per con che non si del della di sono un ma più anche al le nel ha questo come",
    "Dutch": "de het een en is van niet ik je wij met voor op te dat die zijn er aan ook om bij naar maar heeft wordt",
    "Polish": "i w na z jest nie się to do że o jak ale co dla po od czy tak mam był przez oraz może przy",
    "Swedish": "och är att det som en ett på för med inte jag vi av till den har om kan men från så",
    "Turkish": "ve bir bu için ile da de ne çok var daha gibi ama olarak ben mi kadar sonra değil olan",
    "Russian": "и в не на я что с по это как у из за для мы он она но от так все был есть мне вы",
    "Ukrainian": "і в не на я що з по це як у та за для ми він вона але від так всі був є мені ви",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_WORD = re.compile(r"[^\W\d_]+")


def script_of(text: str) -> str | None:
    """The script of most letters; that of Japanese is Kana."""
    text = text[:READ]
    counts = {name: len(letters.findall(text)) for name, letters in _LETTERS.items()}
    if counts["Kana"] * 10 > counts["Han"] and counts["Kana"]:
        counts["Kana"] += counts.pop("Han")
    name = max(counts, key=lambda one: counts[one])
    return name if counts[name] > sum(counts.values()) / 2 else None


def language_of(texts: Iterable[str]) -> str | None:
    """Its English name, or None."""
    text = _beginning(texts)
    script = script_of(text)
    if script in _OF_SCRIPT:
        return _OF_SCRIPT[script]
    if script not in ("Latin", "Cyrillic"):
        return None
    words = Counter(_WORD.findall(text.casefold()))
    hits = Counter({language: sum(words[word] for word in common) for language, common in _WORDS.items()})
    (first, most), (_, second) = hits.most_common(2)
    return first if most >= LEAST and most >= 1.3 * second else None


def _beginning(texts: Iterable[str]) -> str:
    taken: list[str] = []
    room = READ
    for text in texts:
        taken.append(text[:room])
        room -= len(taken[-1])
        if room <= 0:
            break
    return "\n".join(taken)
