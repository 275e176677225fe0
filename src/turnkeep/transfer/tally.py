"""How far a migration has come, for those who watch it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Phase: TypeAlias = Literal["opening", "copying", "proving", "done"]


class Tally(msgspec.Struct):
    """`copied` counts the rows of this run, `there` those that earlier runs had brought; `compared` is out of `total` as well."""

    phase: Phase = "opening"
    total: int = 0
    there: int = 0
    copied: int = 0
    compared: int = 0
