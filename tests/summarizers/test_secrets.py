"""What a summary must not hold wherever it stood: in arguments, results, keys, names of tools, answers and long messages."""

import json
import time

import pytest

from turnkeep.redaction import Redactor
from turnkeep.summarizers import Extractive
from turnkeep.summarizers.extractive.fragments import fragments
from turnkeep.summarizers.extractive.lexicon import tokens
from turnkeep.summarizers.extractive.reading import LONGEST, Said, shortened
from turnkeep.summarizers.extractive.values import find


def summary(*messages: Said, max_tokens: int = 400) -> str:
    return Extractive().summarize(messages, max_tokens=max_tokens)


def user(content: object) -> Said:
    return {"role": "user", "content": content}


def bot(content: str) -> Said:
    return {"role": "assistant", "content": content}


def called(arguments: object, result: object, name: str = "Login") -> list[Said]:
    call = {"id": "1", "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}}
    return [
        user("Please log in at Sino"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": json.dumps(result)},
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[
            ("password", "sunshine"),
            ("pin", "4711"),
            ("cvv", 123),
            ("api_key", "abcd efgh"),
            ("secret", "moon"),
            ("token", "zz-top"),
        ],
        *[("clientSecret", "moon"), ("AWS_SECRET_ACCESS_KEY", "moonlight"), ("mot_de_passe", "soleil"), ("phone", "9876543210")],
        ("card", ["4111", "1111", "1111", "1111"]),
    ],
)
def test_what_a_key_calls_a_secret_is_one_in_arguments_and_results(key: str, value: object) -> None:
    told = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    messages = called({"name": "Sino", "auth": {key: value}}, {"ref": "BX 77", "login": {key: value}})
    text = summary(*messages, bot(f"Done, BX 77, with {told}." if key != "phone" else "Done."))
    call = next(line for line in text.splitlines() if line.startswith("Login("))
    assert told not in call
    assert "[" in call and f"{key}=[" in call


def test_addresses_in_keys_and_names_of_tools_are_none_of_the_summarys() -> None:
    text = summary(*called({"ann@example.org": "R7X"}, {"ok": True}, "login_ann@example.org"))
    assert "example.org" not in text
    assert "[mail address](" in text
    assert "[mail address]=R7X" in text


def test_a_secret_in_two_parts_of_a_message_is_one() -> None:
    parts = [{"type": "text", "text": "At Sino my password is"}, {"type": "text", "text": "hunter2xQ9"}]
    assert "hunter2xQ9" not in summary(user(parts))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What is your password?", "Sunshine"),
        ("And your PIN?", "4711"),
        ("What's the CVV?", "It's 123"),
        ("Ihr Passwort?", "Mond99"),
    ],
)
def test_an_answer_to_the_question_for_a_secret_is_one(question: str, said: str) -> None:
    text = summary(user("Log in at Sino, please"), bot(question), user(said), bot("Thanks, Sino is open."))
    assert said.rsplit(maxsplit=1)[-1] not in text


def test_only_the_next_answer_is_taken_for_it() -> None:
    text = summary(bot("What is your password?"), user("I forgot it"), bot("Then tell me where you live."), user("Porto"))
    assert "Porto" in text


def test_nothing_is_redacted_by_none_and_much_by_default() -> None:
    talk = [user("Write to ann@example.org about Sino")]
    assert "ann@example.org" in Extractive(redact=None).summarize(talk, max_tokens=100)
    assert "[mail address]" in Extractive().summarize(talk, max_tokens=100)


def test_no_fragment_ends_within_a_mark() -> None:
    text = "Here is the number you requested for Sino: [phone number], and write to [mail address] at 10:30 about 4 people"
    words = tokens(text)
    for part in fragments(text, words, find(text, words, None)):
        cut = text[part.start : part.end]
        assert cut.count("[") == cut.count("]"), cut


def test_a_long_message_is_cut_between_sentences_before_it_is_redacted() -> None:
    text = shortened("Ann lives in Porto, card 4111 1111 1111 1111. " * 20_000)
    assert len(text) <= LONGEST
    head, tail = text.split("\n\n")
    assert head.endswith("1111.")
    assert tail.startswith("Ann")
    assert shortened("1" * 100_000).strip() == ""  # nobody knows where a number was cut


@pytest.mark.parametrize(
    "part", ["my password is fine, call 408-247-8880 then. ", "4111 ", "a@b.", "pin: ", "'a", "change password "]
)
def test_a_megabyte_is_gone_over_in_less_than_a_second(part: str) -> None:
    text = part * (1_000_000 // len(part))
    began = time.process_time()  # others may have the core meanwhile
    Redactor().redact(shortened(text))
    assert time.process_time() - began < 1
