"""What the assistant's next words and calls say of what came before: which value holds, which offer was passed over."""

import json

import pytest

from turnkeep.summarizers import Extractive
from turnkeep.summarizers.extractive.changes import marked, place
from turnkeep.summarizers.extractive.reading import Said
from turnkeep.summarizers.extractive.records import PLACE, USER, Piece, Record


def talk(*said: str) -> list[Said]:
    """Who speaks takes turns, the user first; "tool(key=value)" is a call of the assistant's, made before it speaks."""
    messages: list[Said] = []
    role = "user"
    for text in said:
        if text.endswith(")") and "(" in text:
            tool, _, pair = text.removesuffix(")").partition("(")
            key, _, value = pair.partition("=")
            call = {"id": f"c{len(messages)}", "function": {"name": tool, "arguments": json.dumps({key: value})}}
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": '{"status": "ok"}'})
        else:
            messages.append({"role": role, "content": text})
            role = "user" if role == "assistant" else "assistant"
    return messages


def summary(*said: str) -> str:
    return Extractive().summarize(talk(*said), max_tokens=200)


def test_the_same_words_with_another_value_say_that_the_first_gave_way() -> None:
    text = summary(
        "Print the flyers on chalk paper.", "Printing on chalk paper.", "hemp for that", "Printing on hemp paper.", "thanks"
    )
    assert "chalk [changed to hemp]" in text
    assert "Printing on chalk" not in text


def test_the_same_tool_with_another_value_says_so_too() -> None:
    text = summary(
        "Print the flyers on chalk paper.", "print(paper=chalk)", "Fine.", "hemp for that", "print(paper=hemp)", "Fine.", "thanks"
    )
    assert "print(paper=hemp)" in text
    assert "chalk [changed to hemp]" in text


def test_a_second_thing_asked_for_in_the_same_words_takes_nothing_back() -> None:
    text = summary(
        "Set an alarm for the bread.", "Alarm set: bread.", "Set an alarm for the laundry, too.", "Alarm set: laundry."
    )
    assert "changed to" not in text
    assert "bread" in text


def test_what_answers_a_question_is_no_offer() -> None:
    text = summary("Who wrote Dune?", "That was Frank Herbert.", "my bus is late again", "Try the tram to Neustadt.", "ok")
    assert "Frank Herbert" in text


@pytest.mark.parametrize(
    "said",
    [
        ("Find me a plumber.", "I know Hansen, shall I call them?", "Rohrwerk please", "Rohrwerk will come.", "ok"),
        ("Find me a car.", "We have a Tesla for you.", "leaning towards a golf", "a Golf is reserved.", "ok"),
        ("Find me a film.", "You might enjoy Ran. Shall I start it?", "Ran? No way. Ikiru.", "Enjoy.", "ok"),
        ("Find me a film.", "How about Ran?", "meh", "How about Ikiru?", "yes", "Enjoy Ikiru.", "ok"),
        ("今晚看什么", "《霸王别姬》不错。", "这个不行，换一个", "《大鱼海棠》不错。", "好", "好的"),
    ],
)
def test_an_offer_that_was_passed_over_is_not_told(said: tuple[str, ...]) -> None:
    text = summary(*said)
    passed = next(name for name in ("Hansen", "Tesla", "Ran", "霸王别姬") if any(name in one for one in said))
    assert passed not in text.replace(f"{passed} [", "")


def test_what_the_user_chose_stays_whatever_he_says_next() -> None:
    text = summary(
        "Find me a car.", "A Tesla?", "leaning towards a golf", "a Golf is reserved.", "i should really exercise more", "Do."
    )
    assert "Golf is reserved" in text


def test_a_name_in_another_matter_replaces_no_name_of_long_ago() -> None:
    text = summary(
        "My sister lives in Toulouse.",
        "Nice.",
        "what is for lunch",
        "Soup.",
        "and for dinner?",
        "Stew.",
        "oh no, my neighbour Felix sings",
        "Ha.",
    )
    assert "Toulouse" in text


@pytest.mark.parametrize(
    ("said", "old", "new"),
    [
        ("帮我查重庆的天气 / 好的 / 我改主意了，要长沙 / 好的", "重庆", "长沙"),
        ("订一桌，三个人 / 好的 / 客户说要八个人 / 好的", "三个人", "八个人"),
        ("我打算去昆明，等等，还是大连吧 / 好的", "昆明", "大连"),
        ("会議は五時からです / はい / 十時半にずらせる？ / はい", "五時", "十時半"),
    ],
)
def test_a_part_of_a_text_without_spaces_gives_way(said: str, old: str, new: str) -> None:
    text = summary(*said.split(" / "))
    assert f"{old} [changed to {new}]" in text
    assert old not in text.replace(f"{old} [changed to {new}]", "")


def record(at: int, text: str, *replaces: tuple[str, str]) -> Record:
    return Record(at, USER, (Piece(text, {text: 1.0}, 1, 0, len(text)),), replaces=replaces)


def test_a_mark_tells_what_holds_not_what_held_in_between() -> None:
    first, second = record(0, "Tuesday"), record(2, "Thursday", place(2, 0, 7, "Thursday"))
    moved, dropped = record(4, "Friday", place(2, 0, 8, "Friday")), record(4, "never mind", (PLACE, "2:0"))
    assert [piece.text for one in marked([first, second, moved], len) for piece in one.pieces] == [
        "Tuesday [changed to Friday]",
        "Thursday [changed to Friday]",
        "Friday",
    ]
    assert marked([first, second, dropped], len)[0].pieces[0].text == "Tuesday [replaced]"
