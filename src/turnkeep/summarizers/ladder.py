"""The ladder: the summarizer that was given, then the extractive one, then a marker. One rung always holds.

Invariants: a draft's text is never empty, has passed redaction, and takes at most the tokens it was given; the extractive records
behind it are kept whichever rung wrote the text, so that folding drops records and never summarizes prose again, and what a given
summarizer leaves out of them stands below its prose (`ledger`). One that failed is left alone for a while, longer each time (`rests`), and
an extractive summary that stands in for its text is marked as such. At most `parallel` of its calls run at once.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from turnkeep import checks
from turnkeep.errors import InvalidInput
from turnkeep.llm import ModelFailed
from turnkeep.session import IN_PLACE_OF, Message, SummarizerStats, Summary
from turnkeep.summarizers import transcript
from turnkeep.summarizers.base import Rejected, Summarizer
from turnkeep.summarizers.extractive import Record, after
from turnkeep.summarizers.extractive.records import decode, encode
from turnkeep.summarizers.jobs import Extractives, Setup
from turnkeep.summarizers.model import ModelSummarizer
from turnkeep.summarizers.offload import Offload
from turnkeep.summarizers.rests import Rests
from turnkeep.summarizers.spent import Spent, cause, total
from turnkeep.summarizers.truncation import Truncation
from turnkeep.tokens import Counter

if TYPE_CHECKING:
    from turnkeep.summarizers.extractive import Extractive

NOTHING = "[Nothing that a later turn would need.]"
SLICE = 0.004  # seconds on the event loop in one go
BATCH = 2000  # messages that are read in one go; what was chosen of them is folded into the next
SPARE = 4  # times as many tokens as are wanted in the end
MANY = 300  # records: choosing from them takes about 5 ms
PATIENCE = 0.1  # seconds that a prompt waits for the work of others
OWN = 0.2  # and for its own, where the worker process gets no time for it
LONGEST_TOKEN = 64  # bytes: what is longer is refused before it is redacted and counted
SHORTEST_SECRET = 3  # characters
PROSE, LEAST_PROSE = (
    0.6,
    48,
)  # of the tokens that a summary may have, a model is asked for prose in so many; the ledger has the rest

RESERVED = ("truncation", "carried")  # methods with a meaning of their own

log = logging.getLogger("turnkeep.compaction")
T = TypeVar("T")


class Draft(msgspec.Struct, frozen=True):
    """A summary's text and where it comes from. `data`: the records, as JSON."""

    text: str
    method: str
    source: str | None
    data: str | None


async def gently(steps: Generator[None, None, T], spent: Callable[[float], None]) -> T:
    """What the steps come to, giving way to the event loop every few milliseconds. `spent` is told how many seconds each of these takes."""
    began = time.perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            spent(time.perf_counter() - began)
            found: T = end.value
            return found
        if (took := time.perf_counter() - began) > SLICE:
            spent(took)
            await asyncio.sleep(0)
            began = time.perf_counter()


class Ladder:
    """Drafts summaries. `given` may be slow (up to `timeout` seconds), wrong or broken; the rungs below it are neither."""

    def __init__(
        self,
        given: Summarizer | None = None,
        *,
        timeout: float = 60.0,
        timezone: str = "UTC",
        patterns: Mapping[str, str] | None = None,
        worker: bool = False,
        parallel: int = 4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if given is not None:
            check_summarizer(given)
        self._given, self._timeout = given, timeout
        setup = Setup(timezone, patterns or {})
        self._extractives = Extractives(setup)
        self.offload = Offload(setup) if worker else None
        self.rests = Rests(clock)
        self._calls = asyncio.Semaphore(min(parallel, getattr(given, "parallel", parallel)))
        self.stood_in = asyncio.Event()  # an extractive summary is about to take the given one's place
        self.failures = 0
        self.used: defaultdict[str, Spent] = defaultdict(Spent)  # the given one, by app
        self._left: set[asyncio.Future[Any]] = set()  # tasks that were given up, as long as they run

    async def extractive(self, counter: Counter) -> Extractive:
        """The extractive summarizer that counts as the session does. The first is made on a thread, beside what the event loop does."""
        if not self._extractives.has(counter):
            await asyncio.to_thread(self._extractives.of, counter)
        return self._extractives.of(counter)

    async def fold(
        self, counter: Counter, messages: Sequence[Message], previous: Sequence[Record], max_tokens: int
    ) -> list[Record]:
        """What `max_tokens` have room for of the messages, and of the records before them; made in the worker process if there is one."""
        if self.offload is not None:
            made = await self.offload.fold(counter.name, messages, previous, max_tokens)
            if made is not None:
                return made
        extract = await self.extractive(counter)
        found = await gently(extract.steps(messages, previous=previous), self._spent)
        return await self.choose(extract, found, max_tokens)

    async def choose(self, extract: Extractive, records: Sequence[Record], max_tokens: int) -> list[Record]:
        """`Extractive.choose`; of so many records that it takes long, on another thread."""
        began = time.perf_counter()
        if len(records) <= MANY:
            made = extract.choose(records, max_tokens=max_tokens)
        else:
            made = await asyncio.to_thread(extract.choose, records, max_tokens=max_tokens)
        self._spent(time.perf_counter() - began)
        return made

    def _spent(self, seconds: float) -> None:
        if self.offload is not None:
            self.offload.spent(seconds)

    async def close(self) -> None:
        """End the worker process, and what the model has open, if there are any."""
        if self.offload is not None:
            await self.offload.close()
        if isinstance(self._given, ModelSummarizer):
            await self._given.close()

    @property
    def is_extractive(self) -> bool:
        """Whether every draft is: none waits for somebody's model."""
        return self._given is None

    @property
    def is_behind(self) -> bool:
        """Whether so many wait for extraction that a prompt is not to wait for it, too."""
        return self.offload is not None and self.offload.delay > PATIENCE

    async def in_time(self, work: asyncio.Future[Any]) -> bool:
        """Wait until it is done, or extraction turns out to be so far behind that a prompt is not to wait for it. Whether it is done."""
        while not (await asyncio.wait([work], timeout=OWN))[0]:
            if self.is_behind:
                return False
        return True

    def figures(self, app: str) -> SummarizerStats | None:
        """What the given summarizer has done for that app; None if there is none."""
        given = self._given
        return None if given is None else self.used.get(app, Spent()).told(given.source or given.method, self.rests.answers)

    def all_figures(self) -> SummarizerStats:
        """The same for all apps."""
        return total(self.used.values()).told("", self.rests.answers)

    async def draft(
        self,
        messages: Sequence[Message],
        previous: Sequence[Summary],
        *,
        max_tokens: int,
        counter: Counter,
        session: str = "",
        app: str = "",
    ) -> Draft:
        """A text for the messages and the summaries before them, of at most `max_tokens`. Raises nothing but a cancellation.

        `session`, `app`: whose; where a summarizer fails at one session, it rests for that one.
        """
        previous = [summary for summary in previous if summary.method != "truncation"]  # a marker is no summary
        extract = await self.extractive(counter)
        chosen = await self._records(counter, messages, previous, max_tokens)
        written = await self.written(messages, previous, chosen, max_tokens=max_tokens, counter=counter, session=session, app=app)
        if written is not None:
            return written
        if chosen is None:
            return Draft(await Truncation().summarize(messages, max_tokens=max_tokens), Truncation.method, None, None)
        source = extract.source
        if self._given is not None:
            source = stand_in(source, self._given)
            self.used[app].stood_in += 1
            self.stood_in.set()
        return Draft(extract.render(chosen) or NOTHING, extract.method, source, encode(chosen).decode())

    async def written(
        self,
        messages: Sequence[Message],
        previous: Sequence[Summary],
        records: Sequence[Record] | None,
        *,
        max_tokens: int,
        counter: Counter,
        session: str,
        app: str,
    ) -> Draft | None:
        """What the given summarizer writes, the records that it leaves out below it; None if there is none, or if it rests or fails."""
        given = self._given
        if given is None or not self.rests.may_ask(session):
            return None
        async with self._calls:
            if not self.rests.may_ask(session):  # it failed while this one waited
                return None
            began = self.rests.begin()
            try:
                text = await self._text(given, messages, previous, records, max_tokens, counter, self.used[app])
            except Exception as error:
                self._failed(given, session, app, began, error)
                return None
            finally:
                self.rests.end()
        self.rests.answered(session)
        self.used[app].written += 1
        data = None if records is None else encode(records).decode()
        if text is None:
            extract = await self.extractive(counter)
            return Draft(extract.render(records or ()) or NOTHING, extract.method, extract.source, data)
        return Draft(text, given.method, given.source, data)

    async def rewritten(
        self,
        old: Summary,
        messages: Sequence[Message],
        *,
        whole: bool,
        max_tokens: int,
        counter: Counter,
        session: str,
        app: str,
    ) -> Draft | None:
        """What the given summarizer writes in the place of a summary that stands in for its own. `whole`: the messages are all of its
        range; else its text tells of those before them."""
        records = records_of(old, await self.extractive(counter))
        return await self.written(
            messages, () if whole else (old,), records, max_tokens=max_tokens, counter=counter, session=session, app=app
        )

    async def _records(
        self, counter: Counter, messages: Sequence[Message], previous: Sequence[Summary], max_tokens: int
    ) -> list[Record] | None:
        """None if they could not be made."""
        try:
            records: list[Record] = []
            for summary in previous:
                records = after(records, records_of(summary, await self.extractive(counter)))
            for at in range(0, max(len(messages), 1), BATCH):
                last = at + BATCH >= len(messages)
                records = await self.fold(counter, messages[at : at + BATCH], records, max_tokens if last else SPARE * max_tokens)
            return records
        except Exception:
            self.failures += 1
            log.exception("the extractive summarizer failed: a marker takes its place until the next compaction")
            return None

    async def _text(
        self,
        given: Summarizer,
        messages: Sequence[Message],
        previous: Sequence[Summary],
        records: Sequence[Record] | None,
        max_tokens: int,
        counter: Counter,
        spent: Spent,
    ) -> str | None:
        """What the given summarizer says, as it can be stored; None if that is not worth its room. Raises whatever it raises, and
        `Rejected` if that cannot be used."""
        before = [summary.text for summary in previous]
        if isinstance(given, ModelSummarizer):
            room = max(int(PROSE * max_tokens), min(max_tokens, LEAST_PROSE)) if records else max_tokens
            asked = given.summarize(messages, max_tokens=room, previous=before, counter=counter, spent=spent)
        else:
            spent.calls += 1
            asked = given.summarize(messages, max_tokens=max_tokens, previous=before)
        prose = self._usable(await self._in_time(asked), messages, max_tokens, counter)
        if records is None or not getattr(given, "ledger", True):
            return prose
        extract = await self.extractive(counter)
        made = extract.beside(prose, [*before, *map(_told, messages)], records, max_tokens=max_tokens)
        if made is None:
            log.info("the %s summarizer's text tells less than its room is worth: the extractive summary stands", given.method)
        return made

    async def _in_time(self, asked: Coroutine[Any, Any, str]) -> str:
        """What a task of its own comes to: one that swallows its cancellation, or cancels itself, is not to take us with it."""
        task = asyncio.ensure_future(asked)
        try:
            done, _ = await asyncio.wait([task], timeout=self._timeout)
        finally:
            if not task.done():
                task.cancel()
                self._left.add(task)
                task.add_done_callback(self._left.discard)
        if not done:
            raise TimeoutError(f"no text within {self._timeout:g} s")
        if task.cancelled():
            raise RuntimeError("it was cancelled, and not by us")
        return task.result()

    def _usable(self, text: str, messages: Sequence[Message], max_tokens: int, counter: Counter) -> str:
        try:
            checks.text("summary", text, LONGEST_TOKEN * max_tokens)
        except InvalidInput as error:
            raise Rejected(str(error)) from error
        text = self._without_secrets(text, messages).strip()
        tokens = counter.count(text)
        if not 0 < tokens <= max_tokens:
            raise Rejected(f"its text has {tokens:,} tokens: 1 to {max_tokens:,} are wanted")
        return text

    def _without_secrets(self, text: str, messages: Sequence[Message]) -> str:
        """A secret is known as one by the words around it, which a summary may not have: so it is looked for as it was said, too."""
        text = self._extractives.redactor.redact(text)
        for secret in sorted(transcript.read(messages, self._extractives.redactor).secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "[secret]", text, flags=re.IGNORECASE)
        return text

    def _failed(self, given: Summarizer, session: str, app: str, began: float, error: Exception) -> None:
        self.failures += 1
        used, taken = self.used[app], self.rests.taken
        used.failed[cause(error)] += 1
        why = str(error) or type(error).__name__
        if isinstance(error, Rejected):
            rest = self.rests.rejected(session)
            log.warning("the %s summarizer failed and rests for %.0f s in this session: %s", given.method, rest, why)
            return
        after = getattr(error, "retry_after", None)
        rest = self.rests.failed(began, after if isinstance(after, int | float) else None)
        used.rests += self.rests.taken - taken
        known = isinstance(error, ModelFailed)
        log.warning(
            "the %s summarizer failed and rests for %.0f s: %s", given.method, rest, why, exc_info=None if known else error
        )


def _told(message: Message) -> str:
    calls = (call["function"].get("arguments", "") for call in message.tool_calls or ())
    return "\n".join([transcript.text_of(message.content), *map(str, calls)])


def stand_in(source: str | None, given: Summarizer) -> str:
    """The source of an extractive summary that the given summarizer is to replace when it can."""
    return f"{source}{IN_PLACE_OF}{given.source or given.method}"


def check_summarizer(given: object) -> None:
    """`InvalidInput` for what cannot be one."""
    if not callable(getattr(given, "summarize", None)):
        raise InvalidInput("summarizer", "must have `async summarize(messages, *, max_tokens, previous)`")
    method, source = getattr(given, "method", None), getattr(given, "source", "")
    if not isinstance(method, str) or not method or method in RESERVED:
        raise InvalidInput("summarizer", f"must have a text as its `method`, other than {', '.join(RESERVED)}")
    if not isinstance(source, str | None):
        raise InvalidInput("summarizer", "must have a text or None as its `source`")


def records_of(summary: Summary, extract: Extractive) -> list[Record]:
    """What stands behind a summary; its lines, if that is not at hand."""
    if summary.data is not None:
        try:
            return decode(summary.data)
        except msgspec.DecodeError:
            log.warning("the data of summary %d cannot be read: its text takes its place", summary.number)
    return extract.records([], previous=summary.text)
