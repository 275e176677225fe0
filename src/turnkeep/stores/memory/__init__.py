"""A store in this process's memory: for tests, and for bots whose conversations may end with them.

Invariant: nothing awaits inside a change, and what can be refused is refused before its first assignment, so
every call is atomic, its guard included. JSON from a caller is copied before it is kept, states also before they are handed out.
"""

from __future__ import annotations

from turnkeep.stores.memory.log import Log
from turnkeep.stores.memory.pins import Pins
from turnkeep.stores.memory.states import States
from turnkeep.stores.memory.transfer import Transfer
from turnkeep.stores.memory.upkeep import Upkeep
from turnkeep.stores.memory.windows import Windows


class MemoryStore(Log, Windows, Pins, States, Upkeep, Transfer):
    """Everything in dicts. What it holds ends with `close()`."""
