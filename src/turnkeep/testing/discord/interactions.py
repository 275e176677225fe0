"""What people ask of the bot by commands and buttons, and how far an answer has come.

Invariants: what was not acknowledged in time has failed, and stays so; a token lives as long as Discord says, and opens only its own
messages.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from turnkeep.testing.discord.shapes import Json, Shown, User

ACK_SECONDS, TOKEN_SECONDS = 3.0, 900.0
COMMAND, COMPONENT = 2, 3  # kinds


class Interaction:
    """`data`: what was asked, in the API's words; `source`: the message whose button was pressed; `shown`: what the bot answered."""

    def __init__(self, interaction_id: int, kind: int, channel: int, user: User, data: Json, source: Shown | None = None) -> None:
        self.id, self.kind, self.channel, self.user, self.data, self.source = interaction_id, kind, channel, user, data, source
        self.token = f"aW50ZXJhY3Rpb24{interaction_id:x}"
        self.acknowledged: int | None = None  # the type of the callback
        self.original: Shown | None = None
        self.shown: list[Shown] = []
        self._born = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds."""
        return time.monotonic() - self._born

    @property
    def failed(self) -> bool:
        """Whether the app says that the bot did not respond."""
        return self.acknowledged is None and self.age > ACK_SECONDS

    @property
    def expired(self) -> bool:
        return self.age > TOKEN_SECONDS

    def passes(self, seconds: float) -> None:
        """Let it be that much older."""
        self._born -= seconds

    def answers(self) -> list[str]:
        return [one.text for one in self.shown if not one.deleted and not one.loading]

    def around(self, application: str, guild: str | None) -> Json:
        """What a message that answers it has besides."""
        owners = {"0": guild} if guild else {"1": str(self.user.id)}
        metadata: Json = {
            "id": str(self.id),
            "type": self.kind,
            "user": self.user.told(),
            "authorizing_integration_owners": owners,
        }
        known: Json = {"application_id": application, "webhook_id": application, "interaction_metadata": metadata}
        if self.kind == COMMAND:
            asked = {"id": str(self.id), "type": self.kind, "name": self.data["name"], "user": self.user.told()}
            known |= {"type": 20, "interaction": asked}
        return known


def of_command(registered: Mapping[str, Json], name: str, given: Mapping[str, Any], *, direct: bool) -> Json:
    """What the app sends for a command; it lets people call only what is registered, with the options that it has."""
    name = name.removeprefix("/")
    command = registered.get(name)
    if command is None:
        raise LookupError(f"/{name} is not registered; there are: {', '.join(registered) or 'none'}")
    contexts = command["contexts"]
    if contexts is not None and (1 if direct else 0) not in contexts:
        raise LookupError(f"/{name} is not there in this kind of channel")
    known = {option["name"]: option for option in command["options"]}
    missing = [one for one, option in known.items() if option.get("required") and one not in given]
    if missing or set(given) - set(known):
        raise ValueError(f"/{name} has the options {list(known)}; given: {list(given)}")
    options = [{"name": one, "type": known[one]["type"], "value": value} for one, value in given.items()]
    return {"id": command["id"], "name": name, "type": command["type"], "options": options}


def of_button(shown: Shown, label: str) -> Json:
    [button] = [one for one in shown.buttons if one.get("label") == label]
    if button.get("disabled"):
        raise ValueError(f"the button {label!r} is disabled")
    return {"custom_id": button["custom_id"], "component_type": button["type"], "id": 1}
