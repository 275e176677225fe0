"""The worker process: reads jobs from its standard input and answers them on its standard output, until the input ends.

Invariants: it keeps nothing from one job to the next, so it may be killed at any time; it is never there without who started it: it
ends with its input, or, should a fork of its parent hold that open, when it has another parent; and a job that takes too long ends it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import sys
import time

from turnkeep.summarizers.extractive import Extractive, Record
from turnkeep.summarizers.jobs import HEAD, LONGEST, Answer, Extractives, Job, frame, read_job, read_setup
from turnkeep.tokens import get_counter

STDIN, STDOUT, STDERR = range(3)
NICENESS = 19  # where there is no class of its own for what runs only when nothing else would
LOOK = 2.0  # seconds between two looks who its parent is
GARBAGE = 20_000  # objects: records hold no circles, so to look for some more often only takes time


class Pipe:
    """Frames over two file descriptors."""

    def __init__(self, jobs: int, answers: int) -> None:
        self._jobs, self._answers, self._parent = jobs, answers, os.getppid()

    def read(self) -> bytes | None:
        """The next frame's body; None at the end."""
        head = self._exactly(HEAD)
        return None if head is None else self._exactly(int.from_bytes(head, "big"))

    def _exactly(self, size: int) -> bytes | None:
        found = bytearray()
        while len(found) < size:
            while not select.select([self._jobs], [], [], LOOK)[0]:
                if os.getppid() != self._parent:
                    return None
            part = os.read(self._jobs, size - len(found))
            if not part:
                return None
            found += part
        return bytes(found)

    def write(self, answer: Answer) -> None:
        rest = memoryview(frame(answer))
        while rest:
            rest = rest[os.write(self._answers, rest) :]


def serve(pipe: Pipe) -> None:
    told = pipe.read()
    if told is None:
        return
    made = Extractives(read_setup(told))
    gc.freeze()
    gc.set_threshold(GARBAGE)
    pipe.write(Answer(time.process_time()))  # it is ready
    while (body := pipe.read()) is not None:
        signal.setitimer(
            signal.ITIMER_PROF, LONGEST
        )  # its signal ends the process, also while the interpreter is in one long match
        pipe.write(_answer(body, made))
        signal.setitimer(signal.ITIMER_PROF, 0)


def _answer(body: bytes, made: Extractives) -> Answer:
    began = time.process_time()
    try:
        job = read_job(body)
        records = _fold(job, made.of(get_counter(job.counter)))
    except Exception as error:
        return Answer(time.process_time() - began, error=f"{type(error).__name__}: {error}")
    return Answer(time.process_time() - began, records)


def _fold(job: Job, extract: Extractive) -> list[Record]:
    return extract.choose(extract.records(job.messages, previous=job.previous), max_tokens=job.max_tokens)


def _give_way() -> None:
    """To who serves: it takes the time that nobody else wants, and is off the core at once when somebody does."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main() -> None:
    """On this process's own input and output; what prints goes to the errors, where it can be seen and breaks no frame."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that of a terminal is for who started this
    signal.signal(
        signal.SIGTTOU, signal.SIG_IGN
    )  # of a terminal that lets only its foreground write: errors are told all the same
    answers = os.dup(STDOUT)
    try:
        os.dup2(STDERR, STDOUT)
    except OSError:  # a service that has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
    _give_way()
    with contextlib.suppress(BrokenPipeError):
        serve(Pipe(STDIN, answers))
