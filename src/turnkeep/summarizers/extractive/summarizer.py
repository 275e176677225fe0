"""The extractive summarizer, its parts put together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from operator import attrgetter

from turnkeep.redaction import Redactor
from turnkeep.settings import check_zone
from turnkeep.summarizers.extractive.changes import marked
from turnkeep.summarizers.extractive.context import Context
from turnkeep.summarizers.extractive.extraction import extract, finish
from turnkeep.summarizers.extractive.ledger import composed, numbers, sentences
from turnkeep.summarizers.extractive.previous import Previous, recalled
from turnkeep.summarizers.extractive.reading import Said
from turnkeep.summarizers.extractive.records import CALL, Record, after
from turnkeep.summarizers.extractive.render import opening, render
from turnkeep.summarizers.extractive.selection import fitting, pick
from turnkeep.summarizers.extractive.weighing import weigh
from turnkeep.tokens import Counter, get_counter

_BUILT_IN = Redactor().redact
_SPARE = 24  # tokens
_RECALLED = 30  # records


class Extractive:
    """Summarizes by choosing.

    `timezone`: the user's, for what "tomorrow" means; `counter`: o200k unless told otherwise; `redact`: goes over each message
    before anything is taken from it, since a secret is known as one only among the words that it was said with. It is that of the
    built-in `Redactor` unless told otherwise; None redacts nothing.
    """

    method: str = "extractive"
    source: str | None = "extractive-1"

    def __init__(
        self, timezone: str = "UTC", *, counter: Counter | None = None, redact: Callable[[str], str] | None = _BUILT_IN
    ) -> None:
        self._zone = check_zone("timezone", timezone)
        self._given, self._redact = counter, redact

    @property
    def _counter(self) -> Counter:
        return self._given or get_counter("o200k")

    def context(self) -> Context:
        """A fresh one, for `extract`."""
        return Context(self._counter, self._zone, self._redact)

    def summarize(self, messages: Iterable[Said], *, max_tokens: int, previous: Previous = None) -> str:
        """A text of at most `max_tokens`.

        `previous`: the records behind the summaries that this one replaces, oldest first; or their texts, which tell less.
        """
        return self.render(self.choose(self.records(messages, previous=previous), max_tokens=max_tokens))

    def records(self, messages: Iterable[Said], *, previous: Previous = None) -> list[Record]:
        """All that could stand in a summary of the messages, weighed."""
        steps = self.steps(messages, previous=previous)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: list[Record] = end.value
                return found

    def steps(self, messages: Iterable[Said], *, previous: Previous = None) -> Generator[None, None, list[Record]]:
        """`records`, a message at a time: for a caller who must give way now and then."""
        context = self.context()
        older = recalled(previous, context.count)
        _recall(context, older)
        found = []
        for message in messages:
            found += extract(message, context)
            yield
        found += finish(context)
        found.sort(key=attrgetter("at"))
        return after(older, weigh(found, context))

    def choose(self, records: Sequence[Record], *, max_tokens: int) -> list[Record]:
        """The records that a summary of at most `max_tokens` has room for."""
        count = self._counter.count
        records = marked(records, count)
        calls = {(record.tool, record.outcome) for record in records if record.who == CALL}
        costs = {call: count(opening(*call)) for call in calls}
        picks = pick(records, max_tokens + _SPARE, costs)
        return fitting(records, picks, lambda chosen: count(render(chosen, count)), max_tokens)

    def beside(self, prose: str, texts: Iterable[str], records: Sequence[Record], *, max_tokens: int) -> str | None:
        """Somebody's prose, and below it what it does not tell of the records; None if it is not worth its room. `texts`: what it may have
        its numbers from."""
        said = sentences(prose, numbers(texts))
        return composed(said, records, self, self._counter.count, max_tokens)

    def fold(self, summaries: Sequence[Sequence[Record]], *, max_tokens: int) -> list[Record]:
        """One summary's records from those of several, oldest first."""
        merged: list[Record] = []
        for records in summaries:
            merged = after(merged, records)
        return self.choose(merged, max_tokens=max_tokens)

    def render(self, records: Sequence[Record]) -> str:
        """The lines."""
        return render(records, self._counter.count)


def _recall(context: Context, previous: Sequence[Record]) -> None:
    """Lets a correction reach what stands in the summary before."""
    last = max((record.at for record in previous), default=0)
    for record in previous[-_RECALLED:]:
        context.earlier.recall(record.at - last - 1, (slot for piece in record.pieces for slot in piece.slots))
