"""Who may talk to a bot, how often, and for how many tokens a day.

Invariants: a refusal says why, once a minute at most to each user, so that a flood is not answered by a flood; who is blocked hears
nothing, and nobody hears of what was not said to the bot.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from turnkeep.bots.received import Received
from turnkeep.chat import Reply
from turnkeep.errors import InvalidInput
from turnkeep.manager import SessionManager
from turnkeep.session import JsonObject, Scope, Session

log = logging.getLogger("turnkeep.bots")
MAX_USERS = 10_000  # whose rates are kept at a time
STATE_KEY = "turnkeep_budget"  # in the user's state, or in that of a session of many: by user the day, and the tokens of it


class Refusal(msgspec.Struct, frozen=True):
    """`text`: the catalogue's key, "" for silence."""

    text: str
    values: dict[str, Any] = {}


class _Bucket:
    """`rate` a minute, as many at once; and when the user was last told of a refusal."""

    __slots__ = ("at", "left", "told")

    def __init__(self, rate: int, now: float) -> None:
        self.left, self.at, self.told = float(rate), now, float("-inf")

    def take(self, rate: int, now: float) -> float:
        """0 if there was one to take, else the seconds until there is."""
        self.left = min(float(rate), self.left + (now - self.at) * rate / 60)
        self.at = now
        if self.left >= 1:
            self.left -= 1
            return 0.0
        return (1 - self.left) * 60 / rate


class Access:
    """By the settings `bot_allow`, `bot_block`, `bot_admins`, `bot_rate` and `bot_daily_tokens`."""

    def __init__(self, sessions: SessionManager, clock: Callable[[], float] = time.monotonic) -> None:
        settings = sessions.settings
        self.sessions, self.clock = sessions, clock
        self.allowed, self.blocked, self.admins = set(settings.bot_allow), set(settings.bot_block), set(settings.bot_admins)
        self.rate, self.daily_tokens = settings.bot_rate, settings.bot_daily_tokens
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._day, self._today = "", dict[str, int]()  # tokens of each user, over all conversations, as far as this process knows

    def is_admin(self, user: object) -> bool:
        return str(user) in self.admins

    def admits(self, received: Received) -> Refusal | None:
        """None if who wrote it may talk to the bot at all."""
        user, chat = received.user, str(received.incoming.external_chat_id)
        if self.is_admin(user):
            return None
        if {user, chat} & self.blocked:
            return Refusal("")
        if self.allowed and not {user, chat} & self.allowed:
            return Refusal("") if received.kind == "heard" else self._told(user, Refusal("access.private", {"id": user}))
        return None

    async def judge(self, received: Received) -> Refusal | None:
        """None if it may be answered. What wants no model is free: people can always stop a reply, and be forgotten."""
        user = received.user
        if received.kind in ("heard", "command") or self.is_admin(user):
            return None
        if self.rate and (seconds := self._bucket(user).take(self.rate, self.clock())):
            return self._told(user, Refusal("access.rate", {"seconds": max(1, round(seconds))}))
        if self.daily_tokens and await self._spent(received) >= self.daily_tokens:
            return self._told(user, Refusal("access.budget"))
        return None

    def _bucket(self, user: str) -> _Bucket:
        bucket = self._buckets.setdefault(user, _Bucket(self.rate, self.clock()))
        self._buckets.move_to_end(user)
        while len(self._buckets) > MAX_USERS:
            self._buckets.popitem(last=False)
        return bucket

    def _told(self, user: str, refusal: Refusal) -> Refusal:
        bucket, now = self._bucket(user), self.clock()
        if now - bucket.told < 60:
            return Refusal("")
        bucket.told = now
        return refusal

    # --- tokens of the day

    async def _spent(self, received: Received) -> int:
        incoming = received.incoming
        session = await self.sessions.find_by_conversation(incoming.conversation_id, incoming.interface_type)
        kept = {} if session is None else await self._kept(session)
        known = kept.get(received.user, {})
        told = int(known["tokens"]) if known.get("day") == _today() else 0
        return max(told, self._counted().get(received.user, 0))

    async def _kept(self, session: Session) -> JsonObject:
        kept: JsonObject = (await self.sessions.get_state(session.id, _scope(session))).get(STATE_KEY) or {}
        return kept

    def _counted(self) -> dict[str, int]:
        if self._day != _today():
            self._day, self._today = _today(), {}
        return self._today

    async def used(self, received: Received, reply: Reply) -> None:
        """Note what a turn cost; nothing is written where there is no budget."""
        if not self.daily_tokens or reply.repeated:
            return
        spent = await self._spent(received) + reply.tokens
        self._counted()[received.user] = spent
        past = {user: None for user, told in (await self._kept(reply.session)).items() if told["day"] != _today()}
        patch = {STATE_KEY: {**past, received.user: {"day": _today(), "tokens": spent}}}
        try:
            await self.sessions.update_state(reply.session.id, patch, _scope(reply.session))
        except InvalidInput as error:  # more people in one conversation than its state holds: this process still counts
            log.warning("the tokens of a user are not noted: %s", error)


def _scope(session: Session) -> Scope:
    return "session" if session.external_user_id is None else "user"


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"
