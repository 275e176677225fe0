"""The REST API's part about interactions: acknowledging them, and the messages that a token opens.

Invariant: one acknowledgement for each interaction, and in time; only then does its token open anything.
"""

from __future__ import annotations

from typing import Any

from turnkeep.testing.discord.calls import Call, Routes
from turnkeep.testing.discord.chats import Chat, Server
from turnkeep.testing.discord.checks import invalid, refusal
from turnkeep.testing.discord.interactions import COMPONENT, Interaction
from turnkeep.testing.discord.messages import Messages
from turnkeep.testing.discord.shapes import EPHEMERAL, LOADING, Json, Shown, User

MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE = 4, 5, 6, 7  # types of callbacks


class Callbacks:
    """Handlers, called by the names under which they are counted."""

    def __init__(self, server: Server, messages: Messages) -> None:
        self.server, self.messages = server, messages

    def routes(self) -> Routes:
        webhook = "/webhooks/{application}/{token}"
        original, followup = f"{webhook}/messages/@original", f"{webhook}/messages/{{message}}"
        return (
            ("POST", "/interactions/{interaction}/{token}/callback", self.respond),
            ("GET", original, self.get_response),
            ("PATCH", original, self.edit_response),
            ("DELETE", original, self.delete_response),
            ("POST", webhook, self.create_followup),
            ("GET", followup, self.get_followup),
            ("PATCH", followup, self.edit_followup),
            ("DELETE", followup, self.delete_followup),
        )

    # --- acknowledging

    async def respond(self, call: Call) -> Json | None:
        interaction = self.server.interactions.get(call.ids["token"])
        if interaction is None or str(interaction.id) != call.ids["interaction"] or interaction.failed:
            raise refusal(10062)
        if interaction.acknowledged is not None:
            raise refusal(40060)
        kind, chat = call.given.get("type"), self._chat(interaction)
        if kind not in (MESSAGE, DEFERRED) and (kind not in (DEFERRED_UPDATE, UPDATE) or interaction.kind != COMPONENT):
            raise invalid("type", "BASE_TYPE_CHOICES", "Value must be one of the types that answer this interaction.")
        shown = self._first(chat, interaction, kind, call._replace(given=call.given.get("data") or {}))
        interaction.acknowledged, interaction.original = kind, shown
        return _told(interaction, kind, shown) if call.query.get("with_response") in ("1", "true") else None

    def _first(self, chat: Chat, interaction: Interaction, kind: int, call: Call) -> Shown | None:
        if kind == MESSAGE:
            return self._post(chat, interaction, call)
        if kind == DEFERRED:
            only_for = _only_for(interaction, call.given)
            flags = LOADING | (EPHEMERAL if only_for else 0)
            shown = chat.add(self.server.me, {"flags": flags, **self._around(chat, interaction)})
            return self._told(chat, interaction, shown, only_for)
        if kind == UPDATE and interaction.source is not None:
            if interaction.source.deleted:
                raise refusal(10008)
            self.messages.amend(chat, interaction.source, call)
        return interaction.source

    # --- the response

    async def get_response(self, call: Call) -> Json:
        return self._original(self._interaction(call)).raw

    async def edit_response(self, call: Call) -> Json:
        interaction = self._interaction(call)
        return self._amended(interaction, self._original(interaction), call).raw

    async def delete_response(self, call: Call) -> None:
        interaction = self._interaction(call)
        self._chat(interaction).deletes(self._original(interaction))

    # --- what follows

    async def create_followup(self, call: Call) -> Json:
        """The first one after a deferral edits what says that the bot is thinking."""
        interaction = self._interaction(call)
        original = interaction.original
        if interaction.acknowledged == DEFERRED and original is not None and original.loading and not original.deleted:
            return self._amended(interaction, original, call).raw
        return self._post(self._chat(interaction), interaction, call).raw

    async def get_followup(self, call: Call) -> Json:
        return self._followup(self._interaction(call), call).raw

    async def edit_followup(self, call: Call) -> Json:
        interaction = self._interaction(call)
        return self._amended(interaction, self._followup(interaction, call), call).raw

    async def delete_followup(self, call: Call) -> None:
        interaction = self._interaction(call)
        self._chat(interaction).deletes(self._followup(interaction, call))

    # --- what the calls share

    def _interaction(self, call: Call) -> Interaction:
        interaction = self.server.interactions.get(call.ids["token"])
        if interaction is None or interaction.acknowledged is None or call.ids["application"] != str(self.server.me.id):
            raise refusal(10015)
        if interaction.expired:
            raise refusal(50027)
        return interaction

    def _chat(self, interaction: Interaction) -> Chat:
        chat = self.server.chats.get(interaction.channel)
        if chat is None:
            raise refusal(10003)
        return chat

    @staticmethod
    def _original(interaction: Interaction) -> Shown:
        if interaction.original is None or interaction.original.deleted:
            raise refusal(10008)
        return interaction.original

    @staticmethod
    def _followup(interaction: Interaction, call: Call) -> Shown:
        wanted = call.id("message")
        source = [interaction.source] if interaction.source is not None else []
        found = next((one for one in [*interaction.shown, *source] if one.id == wanted and not one.deleted), None)
        if found is None:
            raise refusal(10008)
        return found

    def _around(self, chat: Chat, interaction: Interaction) -> Json:
        return interaction.around(str(self.server.me.id), str(chat.guild.id) if chat.guild else None)

    def _post(self, chat: Chat, interaction: Interaction, call: Call) -> Shown:
        only_for = _only_for(interaction, call.given)
        shown = self.messages.post(chat, call, only_for=only_for, **self._around(chat, interaction))
        return self._told(chat, interaction, shown, only_for)

    def _told(self, chat: Chat, interaction: Interaction, shown: Shown, only_for: User | None) -> Shown:
        shown.only_for = only_for
        interaction.shown.append(shown)
        if only_for is None:
            chat.tell("MESSAGE_CREATE", shown)
        return shown

    def _amended(self, interaction: Interaction, shown: Shown, call: Call) -> Shown:
        self.messages.amend(self._chat(interaction), shown, call, flags=shown.raw["flags"] & ~LOADING)
        return shown


def _only_for(interaction: Interaction, given: Json) -> User | None:
    return interaction.user if given.get("flags", 0) & EPHEMERAL else None


def _told(interaction: Interaction, kind: int, shown: Shown | None) -> Json:
    """The answer to a callback that asks for one."""
    told: Json = {"id": str(interaction.id), "type": interaction.kind}
    found: dict[str, Any] = {"interaction": told}
    if shown is not None:
        told["response_message_id"] = str(shown.id)
        told |= {"response_message_loading": shown.loading, "response_message_ephemeral": shown.only_for is not None}
        if kind in (MESSAGE, UPDATE):
            found["resource"] = {"type": kind, "message": shown.raw}
    return found
