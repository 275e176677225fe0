"""The ledger: whatever a model writes, what the records hold is told, within the limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.summarizers.facts import BY_ID, COUNT, IDS, facts_of, kept
from tests.summarizers.test_ladder import TALK, Given, log

from turnkeep.session import Message
from turnkeep.summarizers import Extractive, Ladder
from turnkeep.summarizers.extractive.ledger import HEADING, numbers, sentences
from turnkeep.tokens import get_counter

COUNTER = get_counter("o200k")
FLUENT = (
    "The user came with several wishes and the assistant helped with each of them in turn. They went through the options together,"
    " compared what was on offer, and settled on what suited best. Some points were left for a later time. The mood was friendly."
)
SPANISH = "El usuario y el asistente hablaron de muchas cosas, y al final todo quedó como estaba y no hubo ninguna duda. " * 3


def logged(name: str) -> list[Message]:
    return [
        Message(
            role=one["role"],
            content=one.get("content"),
            tokens=0,
            counter="o200k",
            created_ms=0,
            tool_calls=one.get("tool_calls"),
            tool_call_id=one.get("tool_call_id"),
            seq=seq,
        )
        for seq, one in enumerate(BY_ID[name]["messages"], 1)
    ]


async def written(prose: Any, messages: Sequence[Message], max_tokens: int) -> str:
    return (await Ladder(Given(prose)).draft(messages, [], max_tokens=max_tokens, counter=COUNTER)).text


WRITERS: dict[str, str] = {
    "fluent, and no facts": FLUENT,
    "long, and no facts": FLUENT * 3,
    "another language": SPANISH,
    "garbage": "xq zzv 99 wplk 7731 qqrt " * 20,
    "a hundred thousand tokens": "word " * 100_000,
    "nothing": "",
}


@pytest.mark.parametrize("limit", [500, 300])
@pytest.mark.parametrize("name", IDS)
async def test_no_fact_hangs_on_what_a_model_writes(name: str, limit: int) -> None:
    messages, facts, spaced = logged(name), facts_of(BY_ID[name]), BY_ID[name]["language"] != "ja"
    alone = (await Ladder().draft(messages, [], max_tokens=limit, counter=COUNTER)).text
    least = kept(alone, facts, spaced=spaced) - max(0.03, 1.01 / len(facts))  # of one talk's few facts one may be at the edge
    for what, prose in WRITERS.items():
        text = await written(prose, messages, limit)
        assert COUNT(text) <= limit
        assert kept(text, facts, spaced=spaced) >= least, what


async def test_prose_that_tells_the_facts_gets_the_room() -> None:
    truthful = "Hana Wójcik asks for a table for 9 people in Porto. It is to be at 19:30, and that is noted."
    text = await written(truthful, TALK, 60)
    assert text.startswith(truthful)
    assert "9 people" not in text.removeprefix(truthful)
    idle = await written(FLUENT, TALK, 60)
    assert all(fact in idle for fact in ("Hana Wójcik", "9 people", "Porto", "19:30"))
    assert FLUENT not in idle


async def test_a_number_that_nobody_said_is_not_told() -> None:
    text = await written("Hana wants a table. It will cost 4,250 euros. She comes with 2 cars.", TALK, 200)
    assert "4,250" not in text and "2 cars" in text


async def test_where_prose_and_records_differ_the_records_stand_last_and_exact() -> None:
    talk = log("A table for 9 people in Porto at 19:30, please.", "Noted.", "No, make it 20:15.", "At 20:15 then.")
    text = await written("The table in Porto is for 19 people at 19:30.", talk, 200)
    assert "19 people" not in text  # nobody said so
    text = await written("The table in Porto is for 9 people at 19:30.", talk, 200)
    assert text.index(HEADING) < text.index("20:15")


async def test_what_was_denied_or_changed_or_failed_is_never_left_to_prose() -> None:
    talk = log("A table in Porto, and no nuts for my son.", "Noted.", "Thanks.", "You are welcome.")
    text = await written("The table is in Porto, and nuts are for the son.", talk, 200)
    assert "no nuts" in text.partition(HEADING)[2]


@pytest.mark.parametrize("name", IDS)
async def test_what_is_below_the_prose_can_be_read_back(name: str) -> None:
    text = await written(FLUENT, logged(name), 500)
    prose, heading, lines = text.partition(HEADING)
    extract = Extractive()
    found, below = (extract.records([], previous=one) for one in (text, lines if heading else prose))
    assert [record.pieces for record in found] == [record.pieces for record in below] != []


def test_sentences_of_any_script_and_numbers_with_points() -> None:
    assert numbers(["3,000 euros at 20:15, No. 007"]) == {"3000", "20:15", "7"}
    said = sentences("Three thousand. 3.000 Euro! 明日です。九人です。\n- and more", numbers(["3000"]))
    assert [one.text for one in said] == ["Three thousand.", "3.000 Euro!", "明日です。", "九人です。", "- and more"]
    assert [one.text for one in sentences("For 9. For 90. For 3000.", numbers(["3000"]))] == ["For 9.", "For 3000."]
