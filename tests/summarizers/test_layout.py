"""Marks of layout are no words: no fragment begins or ends with one, or holds half a pair."""

from __future__ import annotations

import pytest

from turnkeep.summarizers import Extractive

LIST = "- **BX 77** at 12:25, direct\n- **TP 402** at 06:10 with one stop\nWhich one?"
NUMBERED = "Two flights:\n\n1. **BX 77** at 12:25, direct\n2. **TP 402** at 06:10 with one stop\n\nWhich one?"


def summary(*said: str, first: str = "assistant") -> str:
    other = "user" if first == "assistant" else "assistant"
    talk = [{"role": (first, other)[n % 2], "content": text} for n, text in enumerate(said)]
    return Extractive().summarize(talk, max_tokens=150)


@pytest.mark.parametrize("offer", [LIST, NUMBERED])
def test_of_a_list_what_was_taken_is_told_and_nothing_else(offer: str) -> None:
    text = summary(offer, "The BX 77, yes please.")
    assert "BX 77" in text
    assert "12:25, direct" in text
    assert not any(each in text for each in ("402", "06:10", "**", "Which one"))
    text = summary(offer, "TP 402 please.")
    assert "06:10" in text
    assert not any(each in text for each in ("BX", "12:25", "**"))


@pytest.mark.parametrize("answer", ["Is the BX 77 direct?", "Not the BX 77."])
def test_who_asks_or_refuses_takes_nothing(answer: str) -> None:
    assert "402" in summary(LIST, answer)


@pytest.mark.parametrize(
    "said",
    [
        "Do not book **the hotel Ribeira** on Friday, use `config.yaml` at 12:00.",
        "I booked **Casa Nova** for __12 May__ at *20:15*.",
        "Take **the BX 77 on Friday** and `TP 402` on Sunday, __not__ before 12:00.",
        "| Flight | Time |\n|---|---|\n| BX 77 | 12:25 |\n| TP 402 | 06:10 |",
        "**Casa Nova**: 95 euros, **free from 12 May**\n* Hotel Adler: 120 euros\n* `Ribeira` **only on Friday",
    ],
)
def test_marks_stand_in_pairs_and_inside(said: str) -> None:
    text = summary(said, first="user")
    assert text
    for piece in text.removeprefix("user: ").replace("\nuser: ", "; ").split("; "):
        assert piece in said
        assert piece[0] not in "*_`|-", text
        assert piece[-1] not in "*_`|-", text
        assert piece.count("**") % 2 == 0, text


def test_a_denial_in_bold_is_told_with_its_mark() -> None:
    assert summary("**Never** call me before 10:00.", first="user") == "user: **Never** call me before 10:00"
    assert summary("Do **not** book the hotel Ribeira on Friday.", first="user") == (
        "user: Do **not** book the hotel Ribeira on Friday"
    )
