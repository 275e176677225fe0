"""How Discord sends: calls of its REST API, its errors in our words.

Invariants: no error of the library leaves this file; nobody is ever pinged; what a command began to answer is answered there, and
when that can no longer be, in the channel, unless only the asker was to see it.

The library keeps to Discord's limits: it waits where a bucket is empty or an answer says 429, up to `MAX_WAIT`; what takes longer is
`Slow`. A reply makes one call at a time, so at most one of its edits waits before the final one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import aiohttp
import msgspec
from discord import AllowedMentions, Client, HTTPException, RateLimited
from discord.http import Route
from discord.utils import remove_markdown

from turnkeep.bots.delivery import Gone, Missing, Passing, Place, Refused, Slow
from turnkeep.bots.discord.format import formatted, growing
from turnkeep.bots.discord.tickets import LIFETIME, ORIGINAL, Ticket, ticket_of
from turnkeep.session import JsonObject

T = TypeVar("T")
PACE = 1.0  # seconds between two edits: a channel takes five in five seconds
MAX_WAIT = 30.0  # the least that the library lets one set
BUSY_SECONDS = 5.0  # when Discord says 429 without saying for how long
NO_PINGS = AllowedMentions.none().to_dict()
MAX_WHY = 300  # characters of what Discord says of a failure; before Discord stand machines that answer with pages
_TOKEN = re.compile(r"(/(?:webhooks|interactions)/\d+/)[^/?\s'\"]+")
NO_EMBEDS, EPHEMERAL = 1 << 2, 1 << 6  # flags of a message


class Expired(Gone):
    """The ticket is not taken any more."""


class Unquotable(Refused):
    """What it replies to cannot be quoted: the bot may not read what was said before."""


class DiscordSender:
    """See `turnkeep.bots.delivery.Sender`."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._acknowledged: dict[int, asyncio.Future[bool]] = {}  # of interactions that came to this process

    def pace(self, place: Place) -> float:
        return PACE

    def parts(self, text: str) -> Sequence[object]:
        return formatted(text)

    def growing(self, text: str) -> Sequence[object]:
        return growing(text)

    async def send(self, place: Place, part: object) -> str:
        try:
            return await self.post(place, {"content": str(part)})
        except Refused:
            return await self.post(Place(chat=place.chat, ticket=place.ticket), {"content": _plain(str(part))})

    async def edit(self, place: Place, message_id: str, part: object) -> None:
        try:
            await self._edit(place, message_id, {"content": str(part)})
        except Refused:
            await self._edit(place, message_id, {"content": _plain(str(part))})

    async def remove(self, place: Place, message_id: str) -> None:
        with contextlib.suppress(Missing):
            await self._changed("DELETE", place, message_id)

    async def typing(self, place: Place) -> None:
        if place.ticket is None:  # else Discord shows it
            await self._call(Route("POST", "/channels/{channel_id}/typing", channel_id=int(place.chat)))

    # --- acknowledgements

    def awaits(self, ticket: Ticket) -> asyncio.Future[bool]:
        """What is to hear whether Discord knows that the interaction will be answered; nothing is sent by the ticket before."""
        loop = asyncio.get_running_loop()
        told = self._acknowledged[ticket.interaction] = loop.create_future()
        loop.call_later(LIFETIME, self._acknowledged.pop, ticket.interaction, None)
        return told

    async def _is_good(self, ticket: Ticket | None) -> bool:
        if ticket is None or ticket.is_over():
            return False
        told = self._acknowledged.get(ticket.interaction)
        return told is None or await asyncio.shield(told)

    # --- calls

    async def post(self, place: Place, body: JsonObject, **more: Any) -> str:
        """A new message; its id."""
        ticket = ticket_of(place)
        if ticket is not None:
            if await self._is_good(ticket):
                with contextlib.suppress(Expired):
                    return await self._answered(place, ticket, body, **more)
            if ticket.private:
                raise Gone("a private answer came too late")
        return await self._said(place, body, **more)

    async def _said(self, place: Place, body: JsonObject, **more: Any) -> str:
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=int(place.chat))
        body = {**body, **_nonce(place)}
        if place.reply_to not in (None, ORIGINAL):
            reference = {"message_id": place.reply_to, "fail_if_not_exists": False}
            with contextlib.suppress(Unquotable):
                sent = await self._call(route, _message({**body, "message_reference": reference}), **more)
                return await self._changed_to(place, sent, body)
        return await self._changed_to(place, await self._call(route, _message(body), **more), body)

    async def _changed_to(self, place: Place, sent: JsonObject, body: JsonObject) -> str:
        """By its nonce Discord knows a message that was sent before a crash; then that one is edited."""
        content = str(body.get("content", ""))
        if place.once is not None and sent["content"].strip() != content.strip():
            try:
                await self._edit(place, sent["id"], {"content": content})
            except Missing:
                return await self.post(msgspec.structs.replace(place, once=None), {"content": content})
        return str(sent["id"])

    async def _answered(self, place: Place, ticket: Ticket, body: JsonObject, **more: Any) -> str:
        ids: dict[str, Any] = {"webhook_id": ticket.application, "webhook_token": ticket.token}
        if place.reply_to == ORIGINAL:
            with contextlib.suppress(Missing):  # somebody has removed it
                route = Route("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original", **ids)
                sent = await self._call(route, _message(body), **more)
                return str(sent["id"])
        route = Route("POST", "/webhooks/{webhook_id}/{webhook_token}", **ids)
        sent = await self._call(route, _message(body, EPHEMERAL if ticket.private else 0), params={"wait": "true"}, **more)
        return str(sent["id"])

    async def _edit(self, place: Place, message_id: str, body: JsonObject) -> None:
        await self._changed("PATCH", place, message_id, _message(body))

    async def _changed(self, method: str, place: Place, message_id: str, body: JsonObject | None = None) -> None:
        """A call about a message that is there: by the ticket while it holds, then as the bot's own message."""
        ticket = ticket_of(place)
        if ticket is not None and await self._is_good(ticket):
            ids: dict[str, Any] = {"webhook_id": ticket.application, "webhook_token": ticket.token, "message_id": message_id}
            with contextlib.suppress(Expired):
                await self._call(Route(method, "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", **ids), body)
                return
        where: dict[str, Any] = {"channel_id": int(place.chat), "message_id": int(message_id)}
        await self._call(Route(method, "/channels/{channel_id}/messages/{message_id}", **where), body)

    async def _call(self, route: Route, body: JsonObject | None = None, **more: Any) -> Any:
        if body is not None and "form" not in more:
            more["json"] = body
        return await called(self.client.http.request(route, **more))


def _message(body: JsonObject, flags: int = 0) -> JsonObject:
    return {**body, "allowed_mentions": NO_PINGS, "flags": NO_EMBEDS | flags}


def _nonce(place: Place) -> JsonObject:
    if place.once is None:
        return {}
    return {"nonce": hashlib.blake2b(place.once.encode(), digest_size=12).hexdigest(), "enforce_nonce": True}


def _plain(text: str) -> str:
    """What is left without its formatting, for a text that was refused with it."""
    return remove_markdown(text).strip() or "…"


_CODES: dict[int, type[Exception]] = {
    10008: Missing,  # unknown message
    10015: Expired,  # unknown webhook
    10062: Expired,  # unknown interaction
    50027: Expired,  # invalid webhook token
    160002: Unquotable,
    200000: Refused,  # by the guild's own rules for messages
    200001: Refused,
}


async def called(call: Awaitable[T]) -> T:
    """The call's result, or one of the errors of `turnkeep.bots.delivery`."""
    try:
        return await call
    except RateLimited as error:
        raise Slow(error.retry_after) from error
    except HTTPException as error:
        raise _ours(error) from error
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        raise Passing(without_tokens(str(error)) or type(error).__name__) from error
    except RuntimeError as error:  # the library has closed itself: what is not said by now waits for the next start
        raise Passing(str(error)) from error


def _ours(error: HTTPException) -> Exception:
    if error.status == 429:
        return Slow(float(error.response.headers.get("Retry-After", BUSY_SECONDS)))
    kinds = {400: Refused, 401: Passing, 413: Refused}  # 401: the token was replaced, and with the new one it can be said
    kind = Passing if error.status >= 500 else _CODES.get(error.code, kinds.get(error.status, Gone))
    return kind(str(error)[:MAX_WHY])


def without_tokens(text: str) -> str:
    """The address of an interaction has its token in it, by which anybody may answer."""
    return _TOKEN.sub(r"\1...", text)
