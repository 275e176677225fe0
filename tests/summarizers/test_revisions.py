"""What a later word seems to revise is told with a mark: nothing is dropped on a guess, and no old value stands as if it held."""

import json

import pytest

from turnkeep.summarizers import Extractive
from turnkeep.summarizers.extractive.changes import given, marked, place
from turnkeep.summarizers.extractive.reading import Said
from turnkeep.summarizers.extractive.records import CALL, USER, Piece, Record
from turnkeep.tokens import get_counter

REVISED = {  # who speaks takes turns, the user first; what is put right, and what holds
    "the same type, somebody else's news": (
        "The plumber comes on Tuesday. / Noted. / My flatmate wrote that he needs Thursday. / Fine.",
        "Tuesday",
        "Thursday",
    ),
    "the same type after a while": (
        "Put 30 chairs into the hall. / Sure. / How warm is it? / Mild. / Reconsidering it, 45 chairs in the hall. / Sure.",
        "30",
        "45",
    ),
    "the same neighbours": ("My aunt keeps geese. / How nice. / Scratch that, my aunt keeps llamas. / Ah.", "geese", "llamas"),
    "one set": ("Order the curtains in white. / Good. / My flatmate insists on violet. / Good.", "white", "violet"),
    "a name's slot": ("Compile on the machine oak-17. / Hm. / Change the machine to elm-03. / Hm.", "oak-17", "elm-03"),
    "German": ("Wir treffen uns am Dienstag. / Gut. / Lena schreibt, Samstag. / Gut.", "Dienstag", "Samstag"),
    "Chinese": ("我想在南京租房 / 好的 / 改主意了，武汉 / 好的", "南京", "武汉"),
    "Japanese": ("火曜日に散髪を予約して / はい / 木曜日に変えられますか / はい", "火曜日", "木曜日"),
}


def spoken(said: str) -> list[Said]:
    return [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(said.split(" / "))]


@pytest.mark.parametrize("name", REVISED)
def test_what_seems_to_be_revised_is_marked(name: str) -> None:
    said, old, new = REVISED[name]
    text = Extractive().summarize(spoken(said), max_tokens=150)
    assert new in text
    assert old not in text.replace(f"{old} [changed to {new}]", ""), text


@pytest.mark.parametrize(
    "said",
    [
        "The plumber comes on Tuesday. / Noted. / The choir sings on Thursday. / Nice.",
        "The plumber comes on Tuesday. / Noted. / Is the library open on Thursday? / It is.",
        "A room for Tuesday. / Noted. / Thanks, that is all for today. / Bye.",
        "Two tickets to Genoa. / Noted. / And also three tickets to Turin. / Noted.",
        "I need a car in Genoa. / Which size? / I prefer a small one. / Noted.",
    ],
)
def test_what_is_about_something_else_marks_nothing(said: str) -> None:
    assert "[" not in Extractive().summarize(spoken(said), max_tokens=150)


def test_a_call_with_the_old_value_says_that_it_was_changed() -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "reserve", "arguments": json.dumps({"seats": 4, "area": "terrace"})},
    }
    talk: list[Said] = [
        {"role": "user", "content": "A table for 4 guests at Lupo."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"status": "ok"}'},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "Mum texted that it's 9 guests."},
        {"role": "assistant", "content": "One moment."},
    ]
    text = Extractive().summarize(talk, max_tokens=150)
    assert "reserve(seats=4 [changed to 9], area=terrace) -> ok" in text


@pytest.mark.parametrize(
    "said",
    [
        "Dinner at 18:40 uh 19:20 for two. / Fine.",
        "Dinner at 18:40, on second thought 19:20, for two. / Fine.",
        "Abendessen um 18:40, äh, 19:20. / Gut.",
    ],
)
def test_who_hesitates_means_what_follows(said: str) -> None:
    text = Extractive().summarize(spoken(said), max_tokens=100)
    assert "19:20" in text
    assert "18:40" not in text


# --- the mark itself

COUNT = get_counter("o200k").count
SAID = Record(0, USER, (Piece("table on Tuesday at Lupo", {"d:w1": 1.0}, 5, 2, 26),))


def test_a_mark_stands_behind_its_value_once() -> None:
    later = Record(2, USER, (), replaces=(place(2, 11, 18, "Thursday"),))
    once = marked([SAID, later], COUNT)
    assert once[0].pieces[0].text == "table on Tuesday [changed to Thursday] at Lupo"
    assert once[0].pieces[0].tokens > SAID.pieces[0].tokens
    assert marked(once, COUNT) == list(once)


def test_a_mark_stands_behind_the_calendar_day() -> None:
    dated = Record(0, USER, (Piece("table tomorrow [8 March] at Lupo", {"d:r1": 1.0}, 9, 0, 22),))
    text = marked([dated, Record(1, USER, (), replaces=(place(1, 6, 14, "Friday"),))], COUNT)[0].pieces[0].text
    assert text == "table tomorrow [8 March] [changed to Friday] at Lupo"


def test_of_two_pairs_with_the_old_value_none_is_marked() -> None:
    pair = Piece("seats=4", {"4": 1.0}, 3), Piece("tables=4", {"4": 1.0}, 3)
    records = [Record(0, CALL, pair, "reserve", "ok"), Record(1, USER, (), replaces=(given(1, ["4"], "9"),))]
    assert marked(records, COUNT)[0].pieces == pair
