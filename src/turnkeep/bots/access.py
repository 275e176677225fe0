"""Who may talk to a bot, how often, and for how many tokens a day.

Invariant: a refusal says why, once a minute at most to each user, so that a flood is not answered by a flood; who is blocked hears
nothing.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from turnkeep.chat import Incoming, Reply
from turnkeep.manager import SessionManager

MAX_USERS = 10_000  # whose rates are kept at a time
STATE_KEY = "turnkeep_budget"  # in the user's state: the day, and the tokens of it


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

    def is_admin(self, user: object) -> bool:
        return str(user) in self.admins

    async def judge(self, incoming: Incoming) -> Refusal | None:
        """None if the message may be taken in."""
        user, chat = _who(incoming), str(incoming.external_chat_id)
        if self.is_admin(user):
            return None
        if {user, chat} & self.blocked:
            return Refusal("")
        if self.allowed and not {user, chat} & self.allowed:
            return self._told(user, Refusal("access.private", {"id": user}))
        if self.rate and (seconds := self._bucket(user).take(self.rate, self.clock())):
            return self._told(user, Refusal("access.rate", {"seconds": max(1, round(seconds))}))
        if self.daily_tokens and await self._spent(incoming) >= self.daily_tokens:
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

    async def _spent(self, incoming: Incoming) -> int:
        session = await self.sessions.find_by_conversation(incoming.conversation_id, incoming.interface_type)
        if session is None or session.external_user_id is None:
            return 0
        kept = (await self.sessions.get_state(session.id, "user")).get(STATE_KEY)
        return int(kept["tokens"]) if kept and kept["day"] == _today() else 0

    async def used(self, incoming: Incoming, reply: Reply) -> None:
        """Note what a turn cost; nothing is written where there is no budget."""
        if self.daily_tokens and reply.session.external_user_id is not None and not reply.repeated:
            spent = await self._spent(incoming) + reply.tokens
            await self.sessions.update_state(reply.session.id, {STATE_KEY: {"day": _today(), "tokens": spent}}, "user")


def _who(incoming: Incoming) -> str:
    return str(incoming.author_id if incoming.author_id is not None else incoming.external_user_id)


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"
