"""The signs by which a correction is known, each by itself: words about what was said, what a message is about, what speaks for a pair."""

import pytest

from turnkeep.summarizers.extractive import cues, evidence, frames, naming, subjects, unspaced
from turnkeep.summarizers.extractive.contrast import content, is_alone, runs
from turnkeep.summarizers.extractive.earlier import Earlier
from turnkeep.summarizers.extractive.heard import Heard
from turnkeep.summarizers.extractive.lexicon import tokens
from turnkeep.summarizers.extractive.values import Value, find


def heard(text: str, at: int = 0, *, by_user: bool = True) -> Heard:
    words = tokens(text)
    return Heard(at, by_user, (text, text), words, find(text, words, None), "?" in text)


def run(message: Heard, said: str) -> list[Value]:
    start = message.text[1].index(said)
    return [value for value in message.values if start <= value.start < start + len(said)]


# --- words about what was said


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("mistyped", cues.REPAIRS),
        ("misheard", cues.REPAIRS),
        ("corrected", cues.REPAIRS),
        ("rescheduling", cues.CHANGES),
        ("swapped", cues.CHANGES),
        ("umgebucht", 0),
        ("verschoben", cues.CHANGES),
        ("insists", cues.SAYS),
        ("ummmm", cues.HESITATES),
        ("oopsie", cues.HESITATES),
        ("anyway", cues.FILLS),
    ],
)
def test_a_word_about_words_has_its_meaning(word: str, flag: int) -> None:
    assert cues.meaning(word) & flag == flag
    assert (cues.meaning(word) > 0) is (flag > 0)


@pytest.mark.parametrize("word", ["velvet", "kitchen", "thursday", "lisbon", "nine", "erosion", "missile", "mixer"])
def test_a_word_about_the_world_has_none(word: str) -> None:
    assert cues.meaning(word) == 0


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("I have slept on it", cues.CHANGES),
        ("在上海，不对", cues.REPAIRS),
        ("改到周五", cues.CHANGES),
        ("母によると神戸", cues.SAYS),
        ("神戸に変更して", cues.CHANGES),
    ],
)
def test_a_phrase_says_what_its_words_do_not(text: str, flag: int) -> None:
    assert cues.meanings([], text) & flag


# --- what a message is about


@pytest.mark.parametrize(
    ("text", "said", "is_subject"),
    [
        ("the colour is red", "colour", True),
        ("the colour: red", "colour", True),
        ("for the colour, red", "colour", True),
        ("red for the colour", "red", False),
        ("velvet was a mistake", "velvet", False),
    ],
)
def test_what_is_named_only_to_say_what_it_is_about(text: str, said: str, is_subject: bool) -> None:
    message = heard(text)
    assert subjects.is_subject(message.words, run(message, said)) is is_subject


def test_help_that_is_offered_is_refused_and_nothing_else() -> None:
    offer = heard("Anything else?", by_user=False)
    assert subjects.meaning(tokens("No, thanks"), "No, thanks", offer) == cues.FILLS
    assert subjects.meaning(tokens("oops, trumpet"), "oops, trumpet", offer) & cues.HESITATES


@pytest.mark.parametrize(
    ("text", "value", "alone"),
    [
        ("let me rephrase, the 8th", "the 8th", True),
        ("the 8th", "the 8th", True),
        ("the rent is due on the 8th", "the 8th", False),
        ("rent comes first, the 8th", "the 8th", True),
    ],
)
def test_a_value_that_is_all_a_clause_says(text: str, value: str, alone: bool) -> None:
    message = heard(text)
    assert is_alone(message.words, run(message, value)[-1]) is alone


@pytest.mark.parametrize(
    ("text", "about", "new"),
    [
        ("use nylon as the fabric", "fabric", "nylon"),
        ("the fabric must be nylon", "fabric", "nylon"),
        ("nylon is the right fabric", "fabric", "nylon"),
        ("change the fabric to nylon", "fabric", "nylon"),
        ("for the fabric please take nylon", "fabric", "nylon"),
        ("fabric: nylon", "fabric", "nylon"),
        ("can the day be Friday?", "day", "Friday"),
    ],
)
def test_a_message_that_names_something_and_sets_it(text: str, about: str, new: str) -> None:
    message = heard(text)
    found = naming.named(message.words, runs(content(message.values)))
    assert found is not None
    assert [text[one[0].start : one[-1].end] for one in found] == [about, new]


@pytest.mark.parametrize(
    "text",
    [
        "the wifi is terrible",
        "i'm allergic to celery",
        "the sofa should come on Monday",
        "a cake for the party",
        "who sang Fado first?",
        "the fabric must be nylon and the legs oak",
    ],
)
def test_a_message_that_tells_something_else_sets_nothing(text: str) -> None:
    message = heard(text)
    assert naming.named(message.words, runs(content(message.values))) is None


# --- what speaks for a pair


def test_what_begins_a_sentence_is_less_likely_meant() -> None:
    old, new = heard("transfer my savings to Marta"), heard("it should be Jonas", 2)
    brought = run(new, "Jonas")
    verb = evidence.of_shape(new.text[1], brought, old, run(old, "transfer"))
    assert evidence.of_shape(new.text[1], brought, old, run(old, "Marta")) > verb + 1


@pytest.mark.parametrize(
    ("text", "said", "sign"),
    [("the chair in oak", "oak", 1), ("a cake for the party", "party", -1), ("buy the chair", "chair", -1)],
)
def test_where_a_value_stands(text: str, said: str, sign: int) -> None:
    message = heard(text)
    assert evidence.stands_as_value(message.words, run(message, said)) * sign > 0


def test_the_same_words_before_two_values_are_a_frame() -> None:
    old, same, other = heard("my aunt keeps geese"), heard("sorry, my aunt keeps llamas", 2), heard("sorry, two llamas", 2)
    geese = run(old, "geese")
    assert evidence.of_frame(same.words, run(same, "llamas"), old, geese) == 4.0
    assert evidence.of_frame(other.words, run(other, "llamas"), old, geese) == 0.0


def test_a_slot_is_the_word_beside_or_the_argument() -> None:
    earlier, old = Earlier(), heard("compile it on oak-17")
    new = heard("the machine is elm-03", 2)
    brought, given = run(new, "elm-03"), run(old, "oak-17")
    assert evidence.of_slot(new.words, brought, old, given, earlier) == 0.0
    earlier.give("machineName", "oak-17", [each for value in given for each in value.ids])
    assert evidence.of_slot(new.words, brought, old, given, earlier) == 4.0


def test_an_echo_is_short_and_soon() -> None:
    old = heard("the chair in oak")
    for reply, at, echoed in (("Oak, good.", 1, True), ("Oak, good.", 9, False), ("Lovely.", 1, False)):
        earlier = Earlier()
        earlier.add(old)
        earlier.add(heard(reply, at, by_user=False))
        assert evidence.is_echoed(old, run(old, "oak"), earlier) is echoed


def test_what_is_named_again_is_led_by_a_small_word_or_one_about_words() -> None:
    new = heard("I said walnut, make it beech")
    assert evidence.is_named("walnut", new.text[1], run(new, "beech"))
    assert not evidence.is_named("oak", new.text[1], run(new, "beech"))


# --- two texts that are one but for a value


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        ("Deploying to staging.", "Deploying to production.", "staging", "production"),
        ("A tour for 4 guests.", "A tour for 12 guests.", "4", "12"),
        ("velvet is popular.", "real leather is popular.", "velvet", "real leather"),
        ("大连，好的。", "南京，好的。", "大连", "南京"),
        ("赤のコートですね", "グレーのコートですね", "赤", "グレー"),
        ("五个人，明白。", "三个人，明白。", "五个人", "三个人"),
    ],
)
def test_what_differs_is_the_value(before: str, after: str, old: str, new: str) -> None:
    found = frames.swap(before, tokens(before), after, tokens(after))
    assert found is not None
    assert (before[slice(*found.old)], after[slice(*found.new)]) == (old, new)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Noted.", "Done."),
        ("Deploying to staging.", "Deploying to staging."),
        ("It rains.", "Deploying to staging."),
        ("A" + " b" * 200 + ".", "A" + " c" * 200 + "."),
        ("", "Noted."),
    ],
)
def test_other_texts_have_no_frame(before: str, after: str) -> None:
    assert frames.swap(before, tokens(before), after, tokens(after)) is None


# --- scripts without spaces


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("订一张到大连的火车票", ["大连"]),
        ("人数应该是三个人才对", ["三个人"]),
        ("コートは赤でお願いします", ["コート", "赤"]),
        ("会議は十時半からです", ["会議", "十時半"]),
        ("《霸王别姬》不错", ["霸王别姬"]),
    ],
)
def test_parts_of_a_text_without_spaces(text: str, parts: list[str]) -> None:
    found = [part.text for part in unspaced.parts(text)]
    assert set(parts) <= set(found), found


def test_parts_of_one_kind_are_alike() -> None:
    (four,), (nine,), (city,) = (unspaced.parts(text)[:1] for text in ("四位", "九个人", "去大连"))
    assert unspaced.alike(four, nine) > 2 > unspaced.alike(four, city) == 0.0
