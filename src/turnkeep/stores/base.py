"""The contract that every store keeps, and nothing else.

Invariants (`turnkeep.testing.StoreContract` and the state machine beside it check them over every store):

- The log of a session is dense: `seq` runs from 1 without a gap, a message never changes, and an append is all or nothing.
- A call that has returned is durable; a call that raised stored nothing.
- `session.version` rises in every commit that touches what a window is built from, also in other processes.
- Totals on the session equal the sums of its rows.
- A guarded write (`Guard`) is done under its condition, and once under its key, in the very commit that does it.
- Rows of one app are never seen through another: to it they do not exist. Only API keys are found before an app is known.

Stores check what only they can know (does the session exist, is the `external_id` taken); what can be judged from the arguments
alone the manager has already judged.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from turnkeep.errors import MigrationUnfinished
from turnkeep.keys import ApiKey
from turnkeep.session import (
    Appended,
    Arrival,
    Calibration,
    CarryOver,
    Cleaned,
    Erased,
    Event,
    JsonObject,
    Message,
    NewMessage,
    NewPin,
    NewSummary,
    Pin,
    PoolStats,
    Scope,
    Session,
    Status,
    StoreStats,
    Summary,
    Window,
)
from turnkeep.stores.transfer import Key, Row
from turnkeep.stores.usable import Usable

KNOWN_MS = 7 * 86_400_000  # how long the id of a finished arrival is known
MAX_PAGE = 1000  # messages, sessions, events in one answer


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """The condition of a write, and the key by which it is done once: what a writing call does with it, in its own transaction.

    1. A `key` that the app has used, and that still counts at `now_ms`: nothing is written. The same call with the same `fingerprint`
       is answered as it was then, from the rows as they are now; another raises `IdempotencyKeyReused`.
    2. Else, where the session is at another version than `expected_version`: `PreconditionFailed`, nothing written.
    3. Else the write, and with it a note of the key, which counts until `until_ms`.

    A write that was refused leaves no note. A note holds digests and numbers, nothing that anybody said; it goes with its session, but
    for the note of a delete, and past its time with the cleanup. `fingerprint` is what makes a request the same beside the
    call's own arguments.
    """

    expected_version: int | None = None
    key: str | None = None
    fingerprint: str = ""
    now_ms: int = 0
    until_ms: int = 2**63 - 1


class Lease(msgspec.Struct, frozen=True):
    """The right to do some work for a while: "compaction" of a session (`subject`), or the "cleanup" and the "rewriting" of all apps."""

    work: str
    app: str = ""
    subject: str = ""


class Marks(msgspec.Struct, frozen=True):
    """A session, and the numbers of its newest event and newest summary (0: none), as of one moment."""

    session: Session
    event: int
    summary: int


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """What `open_session` makes, if the conversation has no active session."""

    id: str
    app: str
    interface_type: str
    conversation_id: str
    external_user_id: str | None
    external_chat_id: str | None
    token_limit: int
    tokenizer: str
    lifetime_ms: int | None
    carry_over: CarryOver
    metadata: JsonObject | None


class StandIn(msgspec.Struct, frozen=True, gc=False):
    """Where a summary is that another is to replace."""

    number: int
    app: str
    session_id: str


class Commit(msgspec.Struct, frozen=True, gc=False):
    """What listeners hear of one commit to one session, on the loop, in commit order, before its caller does.

    `event` is the one that it recorded.

    `messages` are the rows that an append added; () when only the session's own figures changed; None says that more did (or that
    the session is gone: `session` is None then too) and that a cached window must be read again. A summary says more: messages
    are (), `summaries` are all that live now, and the session has the window's new start.
    """

    session_id: str
    session: Session | None
    messages: tuple[Message, ...] | None
    summaries: tuple[Summary, ...] | None = None
    window: Window | None = None  # of a session just opened, whose first context then need not be read
    event: Event | None = None


Listener = Callable[[Commit], None]


class Store(Usable, ABC):
    """See the module. `app` is the tenant; an unknown session, or another app's, raises `UnknownSession`."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: list[Listener] = []

    def publish(self, commit: Commit) -> None:
        for listener in self.listeners:
            listener(commit)

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def close(self) -> None:
        """Finish what was accepted, then let go of everything. A second call does nothing."""

    # --- sessions

    @abstractmethod
    async def open_session(self, new: NewSession, now_ms: int, *, guard: Guard | None = None) -> tuple[Session, bool]:
        """The active session of the key (app, interface_type, conversation_id), unchanged, and False; else a new one, and True.

        One whose time is up is closed as `expired` in the same commit and named as the new one's `predecessor`; so is the
        newest closed one. With `carry_over="summary"` its live summaries, but for truncations, open the new session as
        summaries of 0..0 by the method "carried"; so do its pins, with a `seq` of 0 and their first session as the `source`. Of
        a guard only the key counts: there is no version to expect yet.
        """

    @abstractmethod
    async def session(self, app: str, session_id: str) -> Session: ...

    @abstractmethod
    async def version(self, app: str, session_id: str) -> int:
        """The session's version as of now, also when another process raised it. The cheapest call there is."""

    @abstractmethod
    async def marks(self, app: str, session_id: str) -> Marks: ...

    @abstractmethod
    async def find(self, app: str, conversation_id: str, interface_type: str | None, now_ms: int) -> Session | None:
        """The newest active session of that conversation, over all interfaces if none is named."""

    @abstractmethod
    async def sessions(
        self,
        app: str,
        *,
        status: Status | None,
        interface_type: str | None,
        user: str | None,
        before: str | None,
        limit: int,
        now_ms: int,
        conversation_id: str | None = None,
    ) -> list[Session]:
        """Newest first, `before` exclusive (a session id), filtered; `status` by the clock."""

    @abstractmethod
    async def deactivate(self, app: str, session_id: str, now_ms: int, *, guard: Guard | None = None) -> Session:
        """Close by hand. A closed session is returned as it is."""

    @abstractmethod
    async def delete(self, app: str, session_id: str, *, guard: Guard | None = None) -> None:
        """Remove the session and all its rows, for good."""

    @abstractmethod
    async def erase_user(
        self, app: str, user: str, interface_type: str | None, now_ms: int, *, guard: Guard | None = None
    ) -> Erased:
        """Remove the user's sessions and user state; turn what they authored in others' into tombstones.

        A tombstone keeps `seq`, role and time; its content is "", its tokens are 0 and leave the totals; its external id is free again.
        A summary that covered one is removed, its messages are uncovered again, and the generation rises. Pins by this author, and
        those carried over from the user's sessions, go. API keys narrowed to the user go too, unless it is about one interface
        only. Of a guard only the key counts.
        """

    # --- the log

    @abstractmethod
    async def append(
        self,
        app: str,
        session_id: str,
        messages: Sequence[NewMessage],
        *,
        now_ms: int,
        expected_seq: int | None = None,
        fixed_tokens: int | None = None,
        guard: Guard | None = None,
    ) -> Appended:
        """Add all messages or none. Slides the expiry. `fixed_tokens` is noted on the session on the way.

        A message whose `external_id` is known under the session's key, successors included, returns the stored one if it is
        the same (`Message.same_as`) and else raises `Conflict("external_id", ...)`; so does `expected_seq` when the newest is
        another. When all are known, nothing is written, whatever `expected_seq` and the status say. A closed session refuses
        user and system messages (`SessionClosed`) and takes the others. A tool message must name a call that the session's log
        or this batch (earlier) has: `InvalidInput("tool_call_id", ...)`.
        """

    @abstractmethod
    async def messages(self, app: str, session_id: str, *, after: int, limit: int) -> list[Message]:
        """The rows after that seq, oldest first: covered, retracted and cleared ones included."""

    @abstractmethod
    async def find_message(self, app: str, session_id: str, external_id: str) -> Message | None:
        """The message that has this external id under the session's key: perhaps in a predecessor's log."""

    @abstractmethod
    async def window(self, app: str, session_id: str, *, tokens: int | None = None, messages: int | None = None) -> Window:
        """The session's window; see `Window`.

        At least the newest messages that reach `tokens` or number `messages`, whichever comes first, and always back to the
        newest user message; all of them when neither is given. More is fine.
        """

    async def visible(self, session: Session, first: int, last: int) -> list[Message]:
        """The messages `first..last` of a session's log that are neither retracted nor erased, covered or not."""
        found: list[Message] = []
        at = first - 1
        while at < last and (page := await self.messages(session.app, session.id, after=at, limit=MAX_PAGE)):
            found += [one for one in page if one.seq <= last and not one.erased and not session.hides(one.seq)]
            at = page[-1].seq
        return found

    @abstractmethod
    async def add_summary(
        self, app: str, session_id: str, summary: NewSummary, *, generation: int, now_ms: int, replaces: Sequence[int] = ()
    ) -> Session:
        """Cover `from_seq..to_seq` and move the window's start behind it, by compare-and-set.

        It begins at the window's start, or with the first of the live summaries that it `replaces` (numbers; they stop being live),
        and ends in the window, or, if it only folds those together, with the last of them. `Conflict("summary", ...)` if it does not,
        if the generation is another by now, or if it reaches over a live summary that it does not replace.
        """

    @abstractmethod
    async def summaries(self, app: str, session_id: str, *, after: int = 0, limit: int | None = None) -> list[Summary]:
        """Those after that number, oldest first, no longer live ones too; all unless there is a limit."""

    @abstractmethod
    async def stand_ins(self, after: int, limit: int) -> list[StandIn]:
        """The live summaries of active sessions, of every app, whose `source` says that they stand in for another (`IN_PLACE_OF`); those
        after that number, oldest first."""

    @abstractmethod
    async def clear(self, app: str, session_id: str, *, keep_summaries: bool, now_ms: int, guard: Guard | None = None) -> Session:
        """Move the window past all messages but the prompt; raise the generation. The log stays. Pins go with the summaries."""

    @abstractmethod
    async def retract(self, app: str, session_id: str, from_seq: int, now_ms: int, *, guard: Guard | None = None) -> Session:
        """Hide `from_seq..newest` from the window; raise the generation. A summary that covers any of these, stops being live, and
        what it covered before them is uncovered again. Pins of these messages go.

        `InvalidInput` unless `from_seq` is after the prompt and not beyond the newest.
        """

    # --- pins

    @abstractmethod
    async def pin(
        self, app: str, session_id: str, pin: NewPin, *, most: int, most_tokens: int, guard: Guard | None = None
    ) -> Pin:
        """Add it, and raise the version. What is pinned already (`rules.same_pin`) is returned as it is.

        `InvalidInput("seq", ...)` for a message that is erased, retracted, cleared or not there; `TooManyPins` beyond `most` pins or
        `most_tokens` of all of them. A closed session can still be changed.
        """

    @abstractmethod
    async def unpin(self, app: str, session_id: str, number: int, *, guard: Guard | None = None) -> None:
        """Remove it, and raise the version. `UnknownPin`."""

    @abstractmethod
    async def pins(self, app: str, session_id: str) -> list[Pin]:
        """Oldest first."""

    # --- state

    @abstractmethod
    async def state(self, app: str, session_id: str, scope: Scope) -> JsonObject:
        """A copy of the session's own state, or that of its (app, interface, external user)."""

    @abstractmethod
    async def update_state(
        self,
        app: str,
        session_id: str,
        scope: Scope,
        patch: JsonObject,
        *,
        limit: int,
        now_ms: int,
        guard: Guard | None = None,
    ) -> JsonObject:
        """Apply an RFC 7396 merge patch; returns the whole new state. Over `limit` bytes of JSON: `InvalidInput("state", ...)`.

        A patch of the user's state raises the version of all that user's open sessions on the interface. A session without an
        external user has no user state: `InvalidInput("scope", ...)`. A closed session's own state can still be changed.
        """

    # --- events

    @abstractmethod
    async def record(self, app: str, session_id: str, event: Event, *, guard: Guard | None = None) -> Event:
        """Store an event and add it to the session's totals. A tool call whose `tool_call_id` is in the log was counted there.

        A usage report with `counted_tokens` adds to the `Calibration` of its model (the event's name) for the session's tokenizer,
        and the session takes on its correction; a new session has that of the newest report for its tokenizer.
        """

    @abstractmethod
    async def events(self, app: str, session_id: str, *, after: int, limit: int) -> list[Event]: ...

    @abstractmethod
    async def calibrations(self, app: str, limit: int) -> list[Calibration]:
        """Those of the most calls first."""

    # --- API keys

    @abstractmethod
    async def add_key(self, key: ApiKey) -> None:
        """Store a key. `StoreError` if its id is taken."""

    @abstractmethod
    async def key(self, key_id: str) -> ApiKey | None:
        """The key of that id, of whatever app, revoked or not; also when another process has just made or revoked it."""

    @abstractmethod
    async def keys(self, app: str | None = None) -> list[ApiKey]:
        """Oldest first, the revoked too. None: of every app."""

    @abstractmethod
    async def revoke_key(self, app: str | None, key_id: str, now_ms: int) -> ApiKey | None:
        """From now on the key is refused. A revoked one is returned as it is; None if the app (None: any) has no such key."""

    # --- the inbox: what bots took in before the platform was told so

    @abstractmethod
    async def take_in(self, arrival: Arrival) -> bool:
        """Keep it, durably; False, and nothing is changed, if its `external_id` is known on this interface, done or not."""

    @abstractmethod
    async def arrivals(self, app: str, interface_type: str) -> list[Arrival]:
        """Those that are not done, in the order in which they were taken in."""

    @abstractmethod
    async def note_progress(self, app: str, interface_type: str, external_id: str, progress: str) -> None:
        """How far the bot has come with one that is not done."""

    @abstractmethod
    async def finish(self, app: str, interface_type: str, external_ids: Sequence[str], now_ms: int) -> None:
        """They are answered, by one answer: payloads and progress go, all or none; the ids are known until the cleanup, a week later.

        An erasure of their user, and a deletion of a session of their conversation, remove them whole.
        """

    # --- leases: work that any instance could do is done by one

    @abstractmethod
    async def lease(self, take: Sequence[Lease], holder: str, *, ttl_ms: int, release: Sequence[Lease] = ()) -> list[Lease]:
        """Let go of those of `release` that the holder has; take, or renew, those of `take` until `ttl_ms` from now.

        Those that it has now: of the others somebody else is the holder, and not past its time. The time is the store's own, the same
        for all instances, however wrong their clocks are.
        """

    @abstractmethod
    async def abandoned(self, work: str, limit: int) -> list[Lease]:
        """Leases past their time: their holders have neither renewed nor released them."""

    # --- upkeep

    def clock(self) -> float:
        """Seconds since 1970, by the clock that all who share the rows go by."""
        return time.time()

    @property
    def waiting(self) -> int:
        """Changes that are accepted and not yet committed."""
        return 0

    @property
    def pool(self) -> PoolStats | None:
        """How the connections to a server are used; None: there is none."""
        return None

    async def ready(self) -> None:
        """Raise unless rows are read and a change is committed: one that changes nothing."""
        await self.key("")
        await self.revoke_key(None, "", 0)

    @abstractmethod
    async def cleanup(
        self,
        app: str | None,
        *,
        now_ms: int,
        retention_ms: int,
        dry_run: bool = False,
        guard: Guard | None = None,
    ) -> Cleaned:
        """Close what is expired, then delete what was closed longer than `retention_ms` ago, and forget keys past their time.
        None: of every app. Of a guard only the key counts, and only for a cleanup that is done: its note follows the last commit."""

    @abstractmethod
    async def stats(self, app: str, now_ms: int) -> StoreStats: ...

    @abstractmethod
    async def active_sessions(self) -> int:
        """Of all apps; one whose time is up counts until a cleanup closes it, so no row need be read."""

    @abstractmethod
    async def check(self) -> list[str]:
        """Prove the invariants again from the rows; one line for each that does not hold."""

    async def server(self) -> str | None:
        """The server that holds the rows, its version, and how much it is used, in words; None: there is none."""
        return None

    @abstractmethod
    async def sizes(self) -> dict[str, int]:
        """Rows by table and, where there are files, their bytes."""

    @abstractmethod
    async def backup(self, target: Path) -> None:
        """A consistent copy while the store is in use; an existing target is refused (`InvalidInput`)."""

    # --- moving: every row as it is, from store to store (see `stores.transfer`)

    @abstractmethod
    async def dump(self, kind: str, after: Key, limit: int) -> list[Row]:
        """Rows of a kind after a key, in the order of keys, as they are: at most `limit`, fewer when they have to be read
        and come to about `PAGE_BYTES`, none only when there are no more."""

    @abstractmethod
    async def load(self, kind: str, rows: Sequence[Row], *, gone: Sequence[Key] = (), mark: str | None) -> None:
        """Put rows as they are, in the place of any with their keys, take those away whose keys are `gone`, and keep the `mark`
        (None: none): all in one commit.

        Rows stand in the order of their keys, and what they need is there. A session that goes takes with it all that is its own.
        Nobody else uses the store meanwhile, so there is nobody to tell. `MigrationDiffers`: a row that is there contradicts one of these.
        """

    @abstractmethod
    async def mark(self) -> str | None:
        """What the last `load` kept: None unless a migration into this store has begun and not ended."""

    async def check_whole(self) -> None:
        """Raise `MigrationUnfinished` if this is the target of a migration that has not ended."""
        if await self.mark() is not None:
            raise MigrationUnfinished
