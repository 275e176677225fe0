"""`SessionManager`: the one front door of the library, a file for each kind of its calls.

Invariants: a call judges its arguments before it touches the store; a message is counted once, before it is stored; nothing here
waits for a language model except `summarize_session` and `compaction="inline"`.
"""

from __future__ import annotations

from turnkeep.manager.events import Events
from turnkeep.manager.messages import Messages
from turnkeep.manager.pins import Pins
from turnkeep.manager.recalling import Recalling
from turnkeep.manager.sessions import Sessions
from turnkeep.manager.states import States
from turnkeep.manager.upkeep import Upkeep
from turnkeep.manager.windows import Windows


class SessionManager(Sessions, Messages, Windows, Recalling, Pins, States, Events, Upkeep):
    """Sessions of one app. Make one with `SessionManager.open(...)`, in `async with` or awaited; see docs/SESSION_MANAGEMENT.md.

    It belongs to the event loop that opened it. Every call raises `TurnkeepError`s only: `InvalidInput` for what was passed in,
    `UnknownSession` for a session that this app does not have, `StoreError` when the database refuses.
    """
