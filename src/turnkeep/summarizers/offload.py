"""Whether extraction runs here, on the event loop, or in a worker process, and that process's life.

The interpreter's lock makes a thread no help, so what would fill the loop goes to a process of its own. A bot with a compaction a
minute is never to have one: it is started when extraction has taken more than `START` of the time lately (an average over about
`OVER` seconds), and ended when it would have taken less than `STOP`. Starting it takes time and waits for nobody: until it is ready, and
where it cannot be started, is lost, hangs or does not understand, the work is done here, as it is for a few short messages, which
are not worth the way there and back.

Invariants: `fold` gives the records that would have been made here, or None, and never raises; after `close` the process is gone and
waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from turnkeep import children
from turnkeep.session import Message
from turnkeep.summarizers.extractive import Record
from turnkeep.summarizers.jobs import HEAD, Answer, Job, Setup, frame, job, read_answer

OVER = 10.0  # seconds
START, STOP = 0.1, 0.01  # of the time
LOOK = 5.0  # seconds between two looks whether it is still worth its memory
STARTS = 60.0  # seconds for a start
HUNG = 300.0  # seconds without an answer: a job has less CPU time than that, but it gets that only when nobody else wants it
LATELY = 0.1  # the weight of the newest job in the average of what one takes
FEW = 200  # tokens: one to five milliseconds
FIRST_REST, LONGEST_REST = 1.0, 300.0  # seconds after a start that failed, or a loss

log = logging.getLogger("turnkeep.compaction")


class Share(msgspec.Struct, frozen=True):
    """How much of the time something took lately: an average in which what was `OVER` seconds ago counts a third."""

    value: float = 0.0
    now: float = 0.0

    def at(self, now: float) -> float:
        return self.value * math.exp((self.now - now) / OVER)

    def after(self, seconds: float, now: float) -> Share:
        return Share(self.at(now) + seconds / OVER, now)


class Worker:
    """A running process. It answers in order, so what waits is a queue."""

    def __init__(self, process: Process, lost: Callable[[Worker], None]) -> None:
        self._process, self._lost = process, lost
        self._waiting: deque[asyncio.Future[Answer | None]] = deque()
        self._each = 0.0  # seconds from one answer to the next, lately: it has a core only when nobody else wants it
        self._since = 0.0  # when the job that it is at came to be the first
        self._alarm: asyncio.TimerHandle | None = None
        self._now = asyncio.get_running_loop().time
        self._reader = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def waiting(self) -> int:
        """Jobs that it has not answered."""
        return len(self._waiting)

    @property
    def delay(self) -> float:
        """Seconds until it would begin what it is asked now, as far as the jobs before tell, and the one that it is at."""
        return max(len(self._waiting) * self._each, self._now() - self._since) if self._waiting else 0.0

    @property
    def is_gone(self) -> bool:
        return self._reader.done()

    async def ask(self, asked: Job | Setup) -> Answer | None:
        """None if the process ends before it has answered. Raises what `frame` does."""
        stdin = self._process.stdin
        sent = frame(asked)
        if stdin is None or self.is_gone:
            return None
        future = asyncio.get_running_loop().create_future()
        stdin.write(sent)  # and no `drain`: at most as many jobs wait as compactions and stopgaps may run
        if not self._waiting:
            self._since = self._now()
        self._waiting.append(future)
        if self._alarm is None:
            self._set_alarm()
        answer: Answer | None = await future
        return answer

    async def _read(self) -> None:
        try:
            while True:
                self._answered(await self._frame())
        except (asyncio.IncompleteReadError, OSError, msgspec.DecodeError):
            self._stop()
        finally:
            self.kill()  # also when the loop ends without `close`

    async def _frame(self) -> Answer:
        stdout = self._process.stdout
        assert stdout is not None
        size = int.from_bytes(await stdout.readexactly(HEAD), "big")
        return read_answer(await stdout.readexactly(size))

    def _answered(self, answer: Answer) -> None:
        future = self._waiting.popleft()
        now = self._now()
        self._each += (now - self._since - self._each) * (LATELY if self._each else 1)
        self._since = now
        if not future.done():  # who asked may have been cancelled
            future.set_result(answer)
        self._set_alarm()

    def _set_alarm(self) -> None:
        """A process that has not answered for so long is of no use any more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(HUNG, self.kill) if self._waiting else None

    def _stop(self) -> None:
        while self._waiting:
            if not (future := self._waiting.popleft()).done():
                future.set_result(None)
        self._set_alarm()
        self._lost(self)

    def kill(self) -> None:
        children.kill(self._process)

    async def end(self) -> None:
        """Until the process is gone and waited for."""
        await children.end(self._process)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(children.ENDS):
                await self._reader


async def started(program: Sequence[str], lost: Callable[[Worker], None], setup: Setup) -> Worker:
    """A worker that is ready. Raises OSError or NotImplementedError where there can be none, TimeoutError if it takes too long."""
    worker = Worker(await children.start(program), lost)
    try:
        async with asyncio.timeout(STARTS):
            if await worker.ask(setup) is None:
                raise OSError("it ended before it was ready")
    except BaseException:
        await worker.end()
        raise
    return worker


class Offload:
    """One for each manager."""

    def __init__(self, setup: Setup, clock: Callable[[], float] = time.monotonic) -> None:
        self._setup, self._clock, self._program = setup, clock, children.command("turnkeep.summarizers.worker")
        self._share = Share()
        self._worker: Worker | None = None
        self._began = 0.0  # the worker that there is
        self._starting: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rest_until, self._rest = -math.inf, FIRST_REST
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The worker's, while there is one."""
        return self._worker.pid if self._worker is not None else None

    @property
    def delay(self) -> float:
        """Seconds that a job waits for those before it in the worker process; 0 while there is none."""
        return self._worker.delay if self._worker is not None else 0.0

    def spent(self, seconds: float) -> None:
        """Extraction took so much of the loop's time."""
        self._share = self._share.after(seconds, self._clock())

    async def fold(
        self, counter: str, messages: Sequence[Message], previous: Sequence[Record], max_tokens: int
    ) -> list[Record] | None:
        """As `Job` says; None where it is to be done here. Many wait for each other there: here they would all wait for each."""
        worker = self._worker
        if worker is None:
            self._start_if_due()
            return None
        if sum(message.tokens for message in messages) < FEW:
            return None
        try:
            answer = await worker.ask(job(counter, messages, previous, max_tokens))
        except (ValueError, OverflowError, TypeError) as error:
            answer = Answer(0.0, error=str(error))
        if answer is None:
            return None
        if answer.error:
            log.info("the worker process made no summary of %d messages, it is made here: %s", len(messages), answer.error)
        self.spent(answer.seconds)
        return answer.records

    # --- its life

    def _start_if_due(self) -> None:
        now = self._clock()
        busy = self._closed or self._starting is not None or self._ending is not None
        if self._program is not None and not busy and now >= self._rest_until and self._share.at(now) > START:
            self._starting = asyncio.create_task(self._start(self._program))

    async def _start(self, program: Sequence[str]) -> None:
        try:
            worker = await started(program, self._lost, self._setup)
            if worker.is_gone:
                raise OSError("it ended when it was ready")
        except (OSError, NotImplementedError, TimeoutError) as error:
            self._failed(f"could not be started ({str(error) or 'it took too long'})")
            return
        finally:
            self._starting = None
        self._worker, self._began = worker, self._clock()
        self._look_later()

    def _lost(self, worker: Worker) -> None:
        if worker is not self._worker:
            return  # it was to end
        if self._clock() - self._began > LONGEST_REST:
            self._rest = FIRST_REST
        self._failed("was lost")
        self._end(worker)

    def _failed(self, how: str) -> None:
        log.warning(
            "the worker process %s: summaries are made on the event loop, and another is tried in %.0f s", how, self._rest
        )
        self._rest_until = self._clock() + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)

    def _look(self) -> None:
        """Whether the worker is still worth its memory."""
        worker = self._worker
        if worker is None:
            return
        if not worker.waiting and self._share.at(self._clock()) < STOP:
            self._end(worker)
        else:
            self._look_later()

    def _end(self, worker: Worker) -> None:
        self._worker = None
        self._ending = asyncio.create_task(worker.end())
        self._ending.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ending = None

    async def close(self) -> None:
        """The process is gone after it; whoever waits for it does the work here."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._worker is not None:
            self._end(self._worker)
        if self._ending is not None:
            await asyncio.wait([self._ending])
