"""The two halves of the corrections trial, by name."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.planted.dev import abroad as dev_abroad
from benchmarks.planted.dev import calls as dev_calls
from benchmarks.planted.dev import scenes as dev_scenes
from benchmarks.planted.dev import words as dev_words
from benchmarks.planted.fourth import abroad as fourth_abroad
from benchmarks.planted.fourth import calls as fourth_calls
from benchmarks.planted.fourth import scenes as fourth_scenes
from benchmarks.planted.fourth import words as fourth_words
from benchmarks.planted.held import abroad as held_abroad
from benchmarks.planted.held import calls as held_calls
from benchmarks.planted.held import scenes as held_scenes
from benchmarks.planted.held import words as held_words
from benchmarks.planted.parts import Deed, Half
from benchmarks.planted.third import abroad as third_abroad
from benchmarks.planted.third import calls as third_calls
from benchmarks.planted.third import scenes as third_scenes
from benchmarks.planted.third import words as third_words


class Own(NamedTuple):
    """What only one half has. A text holds a wording or a shape a line."""

    words: dict[str, str]
    english: Half
    abroad: dict[str, tuple[Half, dict[str, str]]]
    deeds: tuple[Deed, ...]
    failed: str
    well: str


HALVES = {
    "dev": Own(dev_words.WORDS, dev_scenes.ENGLISH, dev_abroad.ABROAD, dev_calls.DEEDS, dev_calls.FAILED, dev_calls.WENT_WELL),
    "third": Own(
        third_words.WORDS, third_scenes.ENGLISH, third_abroad.ABROAD, third_calls.DEEDS, third_calls.FAILED, third_calls.WENT_WELL
    ),
    "fourth": Own(
        fourth_words.WORDS,
        fourth_scenes.ENGLISH,
        fourth_abroad.ABROAD,
        fourth_calls.DEEDS,
        fourth_calls.FAILED,
        fourth_calls.WENT_WELL,
    ),
    "held": Own(
        held_words.WORDS, held_scenes.ENGLISH, held_abroad.ABROAD, held_calls.DEEDS, held_calls.FAILED, held_calls.WENT_WELL
    ),
}
