"""Reading again what prompts only summarize, shorten or leave out.

Invariant: what is cleared, retracted or erased, and the prompt itself, is never shown, whatever range is asked for.
"""

from __future__ import annotations

import asyncio

from turnkeep import checks, recall
from turnkeep.lifecycle import Lifecycle
from turnkeep.recall import MAX_SEQ, Page, Recalled, span
from turnkeep.session import Session

PAGE = 200  # messages read at once
SCAN = 5000  # messages that one call looks through


class Recalling(Lifecycle):
    """The call by which a model, or its tool, asks for more."""

    async def recall(
        self,
        session_id: str,
        *,
        from_seq: int | None = None,
        to_seq: int | None = None,
        words: str | None = None,
        part: int = 1,
        max_tokens: int | None = None,
    ) -> Recalled:
        """Messages `from_seq..to_seq`, or those of them that hold all the `words`, as they were said, in at most `max_tokens`.

        `part`: of one message alone that is too long. Nothing that was cleared, retracted or erased is shown.
        """
        known = self._known_already(session_id) or await self._learn(session_id)
        first, last = span(from_seq, to_seq)
        checks.page("part", part, 1, MAX_SEQ)
        most = self._settings.recall_tokens if max_tokens is None else max_tokens
        checks.page("max_tokens", most, recall.LEAST, recall.MOST)
        wanted = "" if words is None else checks.text("words", words, checks.MAX_ID_CHARS)
        session = await self._store.session(self._app, session_id)
        last = min(last, session.seq)
        first = max(first, session.cleared_seq + 1, session.prompt_seq + 1)
        page = Page(known.counter, most, alone=from_seq is not None and from_seq == to_seq, words=wanted, part=part)
        return page.done(await self._fill(page, session, first, last))

    async def _fill(self, page: Page, session: Session, first: int, last: int) -> int | None:
        """Show what there is room for; where to go on, if that is not all."""
        for start in range(first, last + 1, PAGE):
            if start - first >= SCAN:
                return start
            for message in await self._store.visible(session, start, min(start + PAGE - 1, last)):
                if not page.add(message):
                    return message.seq
            await asyncio.sleep(0)
        return None
