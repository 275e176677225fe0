"""Pins: words that stay in every prompt, whatever is summarized.

Invariant: a pin is word for word what was said, or what was given; it is counted once, before it is stored.
"""

from __future__ import annotations

from msgspec.structs import replace

from turnkeep import checks
from turnkeep.context import pin_text
from turnkeep.errors import InvalidInput
from turnkeep.lifecycle import Lifecycle
from turnkeep.session import NewPin, Pin, Role
from turnkeep.tokens import PER_MESSAGE, count_off_loop
from turnkeep.turns import words


class Pins(Lifecycle):
    """The calls about pins."""

    async def pin_message(self, session_id: str, seq: int) -> Pin:
        """Have this message's words in every prompt; a message that is pinned already is left as it is."""
        checks.page("seq", seq, 1, 2**32)
        found = await self._store.messages(self._app, self._ready(session_id), after=seq - 1, limit=1)
        message = found[0] if found else None
        said = "" if message is None else words(message.content)
        if message is not None and not message.erased and not said.strip():
            raise InvalidInput("seq", "names a message without words: there is nothing to pin")
        author = None if message is None else message.author_id
        role = None if message is None else message.role
        return await self._pin(session_id, said, seq, author, role)

    async def pin(self, session_id: str, text: str, *, author_id: int | str | None = None) -> Pin:
        """Have this text in every prompt, word for word; `author_id`: whose words they are, or whom they are about."""
        checks.text("text", text, self._settings.max_content_bytes, empty=False)
        return await self._pin(session_id, text, 0, checks.external("author_id", author_id), None)

    async def _pin(self, session_id: str, text: str, seq: int, author_id: str | None, role: Role | None) -> Pin:
        known = self._known_already(session_id) or await self._learn(session_id)
        new = NewPin(
            text=text, tokens=0, counter=known.counter.name, created_ms=self._now_ms(), seq=seq, role=role, author_id=author_id
        )
        new = replace(new, tokens=PER_MESSAGE + await count_off_loop(known.counter, pin_text(new)))
        return await self._store.pin(
            self._app,
            session_id,
            new,
            most=self._settings.max_pins,
            most_tokens=int(self._settings.pin_share * known.token_limit),
            guard=self._guard(),
        )

    async def unpin(self, session_id: str, number: int) -> None:
        """Remove the pin of that `number`. `UnknownPin` if there is none."""
        checks.page("number", number, 1, 2**62)
        await self._store.unpin(self._app, self._ready(session_id), number, guard=self._guard())

    async def get_pins(self, session_id: str) -> list[Pin]:
        """The pins, oldest first."""
        return await self._store.pins(self._app, self._ready(session_id))
