"""The two halves of the corrections trial, by name."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.planted.dev import abroad as dev_abroad
from benchmarks.planted.dev import calls as dev_calls
from benchmarks.planted.dev import scenes as dev_scenes
from benchmarks.planted.dev import words as dev_words
from benchmarks.planted.held import abroad as held_abroad
from benchmarks.planted.held import calls as held_calls
from benchmarks.planted.held import scenes as held_scenes
from benchmarks.planted.held import words as held_words
from benchmarks.planted.parts import Deed, Half


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
    "held": Own(
        held_words.WORDS, held_scenes.ENGLISH, held_abroad.ABROAD, held_calls.DEEDS, held_calls.FAILED, held_calls.WENT_WELL
    ),
}
