"""What the server counts, and how Prometheus reads it.

Invariants: a request adds to plain numbers, and a scrape alone makes text of them; each label's values are names of this code
(operations, classes of status, codes of errors, methods of summarizers), nothing that a request brought; a scrape reads no row, and counts
the sessions by an index at most once a minute.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from turnkeep.session import Event, PoolStats, SummarizerStats
from turnkeep.stores.base import Commit

PREFIX = "turnkeep_"
POOL = PREFIX + "db_client_connection_"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Histogram:
    """Times, by the bounds of `SECONDS`."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts, self.total = [0] * (len(SECONDS) + 1), 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """How many were at most so long, by bound."""
        below, found = 0, []
        for bound, count in zip((*map(str, SECONDS), "+Inf"), self.counts, strict=True):
            below += count
            found.append((bound, float(below)))
        return found


class Figures:
    """Since the start, of all apps. What is counted elsewhere is read there at each scrape, by `Exposition`."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], Histogram] = {}  # by operation and class of status
        self.in_progress = 0  # requests
        self.sessions = self.messages = self.tokens = 0  # opened, stored
        self.compactions: dict[str, Histogram] = {}  # by method
        self.usage: Counter[str] = Counter()  # tokens, by kind
        self.compared: Counter[str] = Counter()  # tokens of prompts that both counted, by whom
        self.problems: Counter[str] = Counter()  # answers of 500 and above, by code
        self.limited: Counter[str] = Counter()  # requests refused, by rate limit

    def answered(self, operation: str, status: int, seconds: float) -> None:
        kind = operation, status // 100
        try:
            self.requests[kind].observe(seconds)
        except KeyError:
            self.requests[kind] = Histogram()
            self.requests[kind].observe(seconds)

    def heard(self, commit: Commit) -> None:
        """A listener of the store: what this process has committed."""
        if commit.messages:
            self.messages += len(commit.messages)
            self.tokens += sum([message.tokens for message in commit.messages])
        elif commit.summaries:
            newest = max(commit.summaries, key=lambda summary: summary.number)
            self.compactions.setdefault(newest.method, Histogram()).observe(newest.duration_ms / 1000)
        elif commit.window is not None:
            self.sessions += 1
        elif commit.event is not None:
            self._happened(commit.event)

    def _happened(self, event: Event) -> None:
        if event.kind == "usage":
            self.usage.update({"in": event.tokens_in, "out": event.tokens_out, "cache_read": event.cache_read_tokens})
            if event.counted_tokens is not None:
                self.compared.update({"turnkeep": event.counted_tokens, "provider": event.tokens_in})


class Readings(msgspec.Struct, frozen=True):
    """What others know: the cache, the store, how often background work has failed, by its kind, and what a model that summarizes did."""

    cache_hits: int
    cache_misses: int
    cache_sessions: int
    changes_waiting: int
    event_streams: int
    sessions_active: int
    failures: Mapping[str, int]
    summarizer: SummarizerStats
    redis_up: bool
    pool: PoolStats | None


class Exposition(Collector):
    """`read` is called at each scrape. The registry is this one's own: nothing is global."""

    def __init__(self, figures: Figures, read: Callable[[], Readings]) -> None:
        self._figures, self._read = figures, read
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self, accept: str | None) -> tuple[str, bytes]:
        """Media type and body, in the format that is accepted."""
        encode, kind = choose_encoder(accept or "")
        return kind, encode(self._registry)

    def collect(self) -> Iterator[Metric]:
        figures, others = self._figures, self._read()
        requests = {(operation, f"{status}xx"): one for (operation, status), one in figures.requests.items()}
        compactions = {(method,): one for method, one in figures.compactions.items()}
        yield _histogram("request", "Time to the first byte of the answer.", ("operation", "status"), requests)
        yield _histogram("compaction", "Time to make a summary.", ("method",), compactions)
        yield _counter("messages", "Messages stored.", figures.messages)
        yield _counter("tokens", "Tokens of the messages stored.", figures.tokens)
        yield _counter("usage_tokens", "Tokens of calls of models, as their providers counted.", figures.usage, "kind")
        yield _counter("compared_tokens", "Tokens of prompts that were counted twice.", figures.compared, "by")
        yield _counter("sessions", "Sessions opened.", figures.sessions)
        yield _gauge("sessions_active", "Sessions that are active.", others.sessions_active)
        yield _counter("problems", "Answers of 500 and above.", figures.problems, "code")
        yield _counter("limited", "Requests that a rate limit refused.", figures.limited, "limit")
        yield _counter("background_failures", "Failures of work that no request waits for.", others.failures, "work")
        yield from _of_summarizer(others.summarizer)
        yield _counter("cache_hits", "Windows found in the cache.", others.cache_hits)
        yield _counter("cache_misses", "Windows read from the database.", others.cache_misses)
        yield _gauge("cache_sessions", "Sessions whose windows are in the cache.", others.cache_sessions)
        yield _gauge("changes_waiting", "Changes that wait for their commit.", others.changes_waiting)
        yield _gauge("requests_in_progress", "Requests that are not answered yet.", figures.in_progress)
        yield _gauge("event_streams", "Live event streams that are open.", others.event_streams)
        yield _gauge("redis_up", "Whether Redis answers.", others.redis_up)
        yield from _of_pool(others.pool)


def _of_summarizer(done: SummarizerStats) -> Iterator[Metric]:
    yield _counter("summarizer_calls", "Calls of the model that summarizes.", done.calls)
    answers = {"written": done.written, "refused": done.refused}
    yield _counter("summarizer_answers", "Its answers that were taken, or not.", answers, "outcome")
    yield _counter("summarizer_failures", "Its failures, by cause.", {str(name): n for name, n in done.failed.items()}, "cause")
    tokens = {"in": done.tokens_in, "out": done.tokens_out}
    yield _counter("summarizer_tokens", "Tokens of its calls, as the provider counted.", tokens, "kind")
    yield _counter("summarizer_rests", "How often it was left alone for a while.", done.rests)
    yield _counter("summarizer_stand_ins", "Extractive summaries in the place of its own.", done.stood_in)
    yield _counter("summarizer_rewritten", "Those of them that it has replaced since.", done.rewritten)
    yield _gauge("summarizer_up", "Whether the last that was heard of it was an answer.", done.answers)


def _of_pool(pool: PoolStats | None) -> Iterator[Metric]:
    """By the names that OpenTelemetry has for them."""
    used = {"used": pool.used, "idle": pool.idle} if pool else {}
    count = GaugeMetricFamily(f"{POOL}count", "Connections to PostgreSQL, by what they do.", labels=["state"])
    for state, number in used.items():
        count.add_metric([state], number)
    yield count
    yield GaugeMetricFamily(f"{POOL}max", "The most connections to PostgreSQL.", value=pool.max if pool else 0)
    pending = pool.pending if pool else 0
    yield GaugeMetricFamily(f"{POOL}pending_requests", "Calls that wait for a connection to PostgreSQL.", value=pending)


def _histogram(name: str, text: str, labels: tuple[str, ...], found: Mapping[Any, Histogram]) -> Metric:
    family = HistogramMetricFamily(f"{PREFIX}{name}_seconds", text, labels=labels)
    for values, one in found.items():
        family.add_metric(values, one.buckets(), one.total)
    return family


def _counter(name: str, text: str, value: int | Mapping[str, int], label: str | None = None) -> Metric:
    family = CounterMetricFamily(PREFIX + name, text, labels=[] if label is None else [label])
    for part, count in value.items() if isinstance(value, Mapping) else [("", value)]:
        family.add_metric([] if label is None else [part], count)
    return family


def _gauge(name: str, text: str, value: int) -> Metric:
    return GaugeMetricFamily(PREFIX + name, text, value=value)
