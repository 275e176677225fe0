"""The ladder: what writes a summary when what was to write it does not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from turnkeep import summarizers
from turnkeep.errors import InvalidInput
from turnkeep.session import Message, Summary
from turnkeep.stores.rules import at_seq
from turnkeep.summarizers import Draft, Extractive, Ladder, Truncation, extractive
from turnkeep.summarizers.extractive import Record
from turnkeep.summarizers.extractive.records import decode
from turnkeep.summarizers.ladder import NOTHING
from turnkeep.summarizers.rests import FIRST_PAUSE, FIRST_REST, LONGEST_REST
from turnkeep.testing import NOW, message, summary
from turnkeep.tokens import get_counter

COUNTER = get_counter("o200k")


class Given:
    """Answers as it is told to: with texts, or by raising what stands there instead."""

    method, source = "model", "test-1"

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[tuple[int, list[str]]]()

    async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
        self.asked.append((max_tokens, list(previous)))
        answer = self.answers.pop(0) if self.answers else "In short."
        if isinstance(answer, Exception):
            raise answer
        return answer


def log(*texts: str) -> list[Message]:
    roles = ("user", "assistant")
    return [at_seq(message(roles[at % 2], text), at + 1) for at, text in enumerate(texts)]  # type: ignore[arg-type]


TALK = log("I am Hana Wójcik, a table for 9 people in Porto, please.", "At which time?", "At 19:30.", "Noted.")


def stored(text: str, method: str = "extractive", data: str | None = None) -> Summary:
    row = summary(1, 4, text, method=method, data=data)
    return Summary(**{name: getattr(row, name) for name in row.__struct_fields__}, number=1, created_ms=NOW)


async def draft(ladder: Ladder, messages: Sequence[Message] = TALK, *previous: Summary, max_tokens: int = 100) -> Draft:
    return await ladder.draft(messages, previous, max_tokens=max_tokens, counter=COUNTER)


async def test_without_a_summarizer_it_is_extractive() -> None:
    made = await draft(Ladder())
    assert (made.method, made.source) == (Extractive.method, Extractive.source)
    assert all(word in made.text for word in ("Hana Wójcik", "9 people", "Porto", "19:30"))
    assert COUNTER.count(made.text) <= 100
    assert made.data is not None and all(isinstance(one, Record) for one in decode(made.data))


async def test_a_given_one_writes_the_text_and_the_records_stand_behind_it() -> None:
    given = Given("Hana wants a table.")
    made = await draft(Ladder(given))
    assert (made.method, made.source) == ("model", "test-1")
    assert made.text.startswith("Hana wants a table.\n\nExactly:\n")
    assert made.data == (await draft(Ladder())).data
    assert given.asked == [(100, [])]


@pytest.mark.parametrize(
    "answer",
    [RuntimeError("down"), "", "  \n", "word " * 101, "word " * 10**5, "nul \0", "half \ud800", None, b"bytes", ["list"]],
)
async def test_an_answer_that_cannot_be_used_leaves_it_to_the_extractive_one(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "turnkeep.compaction"):
        made = await draft(Ladder(Given(answer)))
    assert made.method == "extractive"
    assert "model summarizer failed" in caplog.text


async def test_one_that_may_stand_alone_does() -> None:
    given = Given("Hana wants a table.")
    given.ledger = False  # type: ignore[attr-defined]
    assert (await draft(Ladder(given))).text == "Hana wants a table."


async def test_an_extractive_one_that_stands_in_says_for_whom() -> None:
    ladder = Ladder(Given(RuntimeError("down")))
    for _ in range(2):  # failed, then resting
        made = await draft(ladder)
        assert (made.method, made.source) == ("extractive", "extractive-1, in place of test-1")


async def test_where_one_session_is_too_much_for_it_others_are_not_kept_waiting() -> None:
    now, given = [0.0], Given("", "In short.", "")
    ladder = Ladder(given, clock=lambda: now[0])

    async def of(session: str) -> str:
        return (await ladder.draft(TALK, [], max_tokens=100, counter=COUNTER, session=session)).method

    assert [await of("a"), await of("b"), await of("a")] == ["extractive", "model", "extractive"]
    assert len(given.asked) == 2
    now[0] += FIRST_PAUSE
    assert [await of("a"), await of("a")] == ["extractive", "extractive"]
    assert len(given.asked) == 3
    now[0] += FIRST_PAUSE
    await of("a")
    assert len(given.asked) == 3
    now[0] += FIRST_PAUSE
    assert await of("a") == "model"


async def test_what_a_provider_asks_for_is_waited() -> None:
    class Busy(Exception):
        retry_after = 40.0

    now, given = [0.0], Given(Busy())
    ladder = Ladder(given, clock=lambda: now[0])
    await draft(ladder)
    for wait, method in ((39.0, "extractive"), (1.5, "model")):
        now[0] += wait
        assert (await draft(ladder)).method == method
    assert len(given.asked) == 2


async def test_when_the_rest_is_over_one_call_looks_and_the_others_go_on_without() -> None:
    now, go = [0.0], asyncio.Event()

    class Down(Given):
        async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
            self.asked.append((max_tokens, []))
            if len(self.asked) > 1:
                await go.wait()
            raise RuntimeError("down")

    given = Down()
    ladder = Ladder(given, clock=lambda: now[0])
    await draft(ladder)
    now[0] += FIRST_REST
    tasks = [asyncio.create_task(draft(ladder)) for _ in range(20)]
    while sum(task.done() for task in tasks) < 19:
        await asyncio.sleep(0.01)
    go.set()
    await asyncio.gather(*tasks)
    assert len(given.asked) == 2


async def test_at_most_so_many_calls_run_at_once() -> None:
    running, most = 0, 0

    class Counts(Given):
        async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1
            return "In short."

    ladder = Ladder(Counts(), parallel=3)
    made = await asyncio.gather(*(draft(ladder) for _ in range(12)))
    assert [one.method for one in made] == ["model"] * 12
    assert most == 3


async def test_one_that_hangs_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    class Hangs(Given):
        async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
            await asyncio.Event().wait()
            return "never"

    with caplog.at_level(logging.WARNING, "turnkeep.compaction"):
        made = await draft(Ladder(Hangs(), timeout=0.02))
    assert made.method == "extractive"
    assert "rests for 1 s: no text within 0.02 s" in caplog.text


async def test_one_that_swallows_its_cancellation_is_left_behind() -> None:
    go = asyncio.Event()

    class Deaf(Given):
        async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
            while not go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await go.wait()
            return "late"

    async with asyncio.timeout(5):
        assert (await draft(Ladder(Deaf(), timeout=0.02))).method == "extractive"
    go.set()
    await asyncio.sleep(0)


async def test_one_that_is_cancelled_by_itself_has_failed_and_ours_goes_on() -> None:
    class Cancelled(Given):
        async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
            raise asyncio.CancelledError

    assert (await draft(Ladder(Cancelled()))).method == "extractive"


async def test_a_draft_that_is_cancelled_cancels_the_one_that_writes() -> None:
    ended = asyncio.Event()

    class Waits(Given):
        async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return "never"

    task = asyncio.create_task(draft(Ladder(Waits())))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await ended.wait()


async def test_many_failures_at_once_are_one() -> None:
    now = [0.0]

    class Down(Given):
        async def summarize(self, messages: Sequence[Message], *, max_tokens: int, previous: Sequence[str] = ()) -> str:
            self.asked.append((max_tokens, []))
            await asyncio.sleep(0)
            raise RuntimeError("down")

    given = Down()
    ladder = Ladder(given, clock=lambda: now[0])
    await asyncio.gather(*(draft(ladder) for _ in range(4)))
    now[0] += FIRST_REST
    await draft(ladder)
    assert len(given.asked) == 5


@pytest.mark.parametrize("given", [5, lambda: None, object(), type("NoMethod", (), {"summarize": print})()])
def test_what_cannot_be_a_summarizer_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Ladder(given)
    assert caught.value.field == "summarizer"


@pytest.mark.parametrize("method", ["truncation", "carried", "", None])
def test_methods_with_a_meaning_of_their_own_are_refused(method: Any) -> None:
    given = Given()
    given.method = method
    with pytest.raises(InvalidInput):
        Ladder(given)


async def test_very_many_messages_are_read_in_parts_and_the_first_are_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnkeep.summarizers.ladder.BATCH", 10)
    talk = log("My name is Hana Wójcik, the booking is QK7-3RD.", "Noted.", *["hm, well", "ok"] * 50)
    made = await draft(Ladder(), talk)
    assert "Hana Wójcik" in made.text and "QK7-3RD" in made.text


async def test_one_that_failed_rests_longer_each_time_and_is_forgiven() -> None:
    now = [0.0]
    given = Given(*[RuntimeError("down")] * 12)
    ladder = Ladder(given, clock=lambda: now[0])
    rests, last = [], 0.0
    while len(given.asked) < 12:
        asked = len(given.asked)
        await draft(ladder)
        if len(given.asked) > asked:
            rests.append(now[0] - last)
            last = now[0]
        now[0] += 0.5
    assert rests[:5] == [0, FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST, 8 * FIRST_REST]
    assert max(rests) == LONGEST_REST
    assert ladder.failures == 12
    now[0] += LONGEST_REST
    assert (await draft(ladder)).method == "model"
    given.answers = [RuntimeError("down")]
    await draft(ladder)
    now[0] += FIRST_REST
    assert (await draft(ladder)).method == "model"


async def test_where_even_the_extractive_one_fails_a_marker_stands(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("of the test")
        yield

    monkeypatch.setattr(Extractive, "steps", broken)
    with caplog.at_level(logging.ERROR, "turnkeep.compaction"):
        made = await draft(Ladder())
    assert (made.method, made.data) == (Truncation.method, None)
    assert made.text
    given = await draft(Ladder(Given("In short.")))
    assert (given.method, given.text, given.data) == ("model", "In short.", None)


async def test_small_talk_is_said_to_be_that_and_is_no_failure() -> None:
    made = await draft(Ladder(), log("ok", "ok", "hm"))
    assert (made.text, made.method) == (NOTHING, "extractive")


async def test_a_marker_is_never_fed_back_and_records_come_before_prose() -> None:
    given = Given()
    first = await draft(Ladder())
    before = [stored("[Not shown here.]", "truncation"), stored("prose of a model", "model", first.data)]
    made = await draft(Ladder(given), log("And a taxi for 3 at 23:15."), *before)
    assert given.asked == [(100, ["prose of a model"])]
    folded = await draft(Ladder(), log("And a taxi for 3 at 23:15."), *before)
    assert all(word in folded.text for word in ("Hana Wójcik", "23:15"))
    assert "prose" not in folded.text and "Not shown" not in folded.text
    assert made.data == folded.data


async def test_summaries_that_are_folded_stand_one_after_the_other() -> None:
    said = [
        log(f"A room for {at} people in {place}, please.", "Noted.") for at, place in ((3, "Porto"), (4, "Oslo"), (5, "Athens"))
    ]
    before = [stored("", data=(await draft(Ladder(), each)).data) for each in said[:2]]
    text = (await draft(Ladder(), said[2], *before)).text
    assert text.index("Porto") < text.index("Oslo") < text.index("Athens")


@pytest.mark.parametrize("data", [None, "no JSON", '{"a": 1}', "[[1]]"])
async def test_where_the_records_are_gone_the_lines_are_read(data: str | None) -> None:
    lines = "user: a table for 9 people\nBook(city=Porto) -> ok, ref=BX 77"
    made = await draft(Ladder(), log("At 19:30."), stored(lines, data=data))
    assert all(word in made.text for word in ("9 people", "city=Porto", "BX 77", "19:30"))


async def test_no_rung_tells_a_secret() -> None:
    secret = log("My password is hunter2hunter, mail me: hana@example.org.", "Noted.")
    for given in (None, Given("The password is hunter2hunter, the mail hana@example.org.")):
        made = await draft(Ladder(given), secret)
        assert not any(word in f"{made.text}{made.data}" for word in ("hunter2", "hana@"))


async def test_patterns_are_added_replaced_and_taken_away() -> None:
    talk = log("Case C-4711 of hana@example.org, room 12.", "Noted.")
    own = await draft(Ladder(patterns={"case": r"C-\d+", "mail address": ""}), talk)
    assert "C-4711" not in own.text
    assert "hana@example.org" in own.text


async def test_it_counts_as_the_session_does_and_keeps_to_the_limit() -> None:
    for name in ("o200k", "cl100k", "estimate"):
        counter = get_counter(name)
        for limit in (24, 60):
            made = await Ladder().draft(TALK * 5, [], max_tokens=limit, counter=counter)
            assert counter.count(made.text) <= limit


async def test_the_users_time_zone_says_what_tomorrow_is() -> None:
    late = [
        replace(one, created_ms=1_772_924_400_000) for one in log("A table for 4 tomorrow at the harbour.")
    ]  # 7 March, 23:00 UTC
    assert "[8 March]" in (await draft(Ladder(), late)).text
    assert "[9 March]" in (await draft(Ladder(timezone="Europe/Berlin"), late)).text


def test_what_the_extractive_one_knows_is_loaded_when_it_is_wanted() -> None:
    """Not by a program that imports the manager."""
    look = "import sys, turnkeep.manager; sys.exit(any('extractive.lexicon' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
    assert summarizers.Extractive.__name__ == "Extractive"
    assert not hasattr(summarizers, "Nothing")
    assert not hasattr(extractive, "Nothing")
