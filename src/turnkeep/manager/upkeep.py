"""Cleaning up, figures, copies and proofs."""

from __future__ import annotations

from pathlib import Path

from turnkeep import checks
from turnkeep.errors import ManagerClosed
from turnkeep.lifecycle import Lifecycle
from turnkeep.session import Calibration, Cleaned, ModelStats, SessionStats, Stats
from turnkeep.stores import CachedStore

MODELS = 100  # that the figures tell of


class Upkeep(Lifecycle):
    """The calls about the whole database of an app."""

    async def cleanup(self, dry_run: bool = False) -> Cleaned:
        """Close this app's sessions that are expired, delete those closed longer than `retention` ago."""
        if not self._opened:
            raise ManagerClosed
        return await self._clean_up(self._app, dry_run=dry_run)

    async def get_stats(self) -> Stats:
        """Figures of this app, and of what the cache has done for it."""
        if not self._opened:
            raise ManagerClosed
        sums = await self._store.stats(self._app, self._now_ms())
        cache = self._store if isinstance(self._store, CachedStore) else None
        return Stats(
            total_sessions=sums.total_sessions,
            active_sessions=sums.active_sessions,
            total_messages=sums.total_messages,
            total_tokens=sums.total_tokens,
            average_session_length=sums.total_messages / sums.total_sessions if sums.total_sessions else 0.0,
            tool_calls=sums.tool_calls,
            errors=sums.errors,
            usage_in=sums.usage_in,
            usage_out=sums.usage_out,
            usage_cache_read=sums.usage_cache_read,
            models=tuple(map(_off, await self._store.calibrations(self._app, MODELS))),
            summarizer=self._ladder.figures(self._app),
            by_interface=sums.by_interface,
            cache_size=cache.sessions_of(self._app) if cache else 0,
            cache_hit_rate=cache.hit_rate(self._app) if cache else 0.0,
            redis_up=None if self._hints is None else self._hints.up,
            pool=self._store.pool,
        )

    async def get_session_stats(self, session_id: str) -> SessionStats:
        """Figures of one session."""
        session = self._seen(await self._store.session(self._app, self._ready(session_id)))
        summaries = await self._store.summaries(self._app, session_id)
        return SessionStats(
            session_id=session.id,
            status=session.status,
            messages=session.seq,
            tool_calls=session.tool_calls,
            errors=session.errors,
            tokens=session.tokens,
            tokens_in=session.tokens - session.tokens_out,
            tokens_out=session.tokens_out,
            usage_in=session.usage_in,
            usage_out=session.usage_out,
            usage_cache_read=session.usage_cache_read,
            summaries=len(summaries),
            window_messages=session.window_messages,
            window_tokens=session.window_tokens,
            token_limit=session.token_limit,
            created_at=session.created_at,
            last_active=session.last_active,
            duration=(session.active_ms - session.created_ms) / 1000,
        )

    async def settle(self) -> None:
        """Wait until background work is done; for tests, scripts and shutdown."""
        if not self._opened:
            raise ManagerClosed
        await self._compactor.settle()
        if self._rewriter is not None:
            await self._rewriter.settle()

    async def backup(self, target: str | Path) -> None:
        """A consistent copy of the database, encrypted with the same key, while it is in use; `target` must not exist."""
        if not self._opened:
            raise ManagerClosed
        await self._store.backup(checks.path("target", target))

    async def check(self) -> list[str]:
        """Prove the database's invariants again from its rows; a line for each that does not hold, of every app."""
        if not self._opened:
            raise ManagerClosed
        return await self._store.check()

    async def sizes(self) -> dict[str, int]:
        """Rows by table and bytes by file, of every app."""
        if not self._opened:
            raise ManagerClosed
        return await self._store.sizes()


def _off(known: Calibration) -> ModelStats:
    counts = known.counted_tokens, known.reported_tokens
    return ModelStats(known.model, known.tokenizer, known.calls, *counts, round(counts[1] / counts[0], 4), known.correction)
