"""`turnkeep demo`: the main job, on files good and bad."""

import gzip
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command, conversation, write

SESSIONS, MESSAGES = 7, 478


def stored(path: Path) -> int:
    """What is in the file, asked around the program."""
    with sqlite3.connect(path) as db:
        count = db.execute("SELECT count(*) FROM messages").fetchone()[0]
    db.close()
    return int(count)


def test_run_twice_as_the_readme_says_it_stores_each_message_once(script: Command, tmp_path: Path) -> None:
    first = script("demo")
    assert (first.code, first.err) == (0, "")
    again = script("demo", "--json")
    assert stored(tmp_path / "turnkeep-demo.db") == MESSAGES
    told = again.json()
    assert (told["stored"], told["messages"]) == (0, MESSAGES)
    assert told["stats"]["total_sessions"] == told["stats"]["active_sessions"] == told["conversations"] == SESSIONS
    assert told["stats"]["total_messages"] == MESSAGES


def test_what_it_shows_fits_80_columns_but_for_commands_to_copy_and_these_work(cli: Command) -> None:
    shown = cli("demo").out.splitlines()
    commands = [line for line in shown if line.startswith("  ") and "--db sqlite:///turnkeep-demo.db" in line]
    assert [line for line in shown if len(line) > 80 and line not in commands and not line.startswith("Database")] == []
    whole = "\n".join(shown)
    for part in (
        "The prompt for the next turn of trip-porto",
        "Tokens",
        "Left out",
        "Sessions",
        "turnkeep-demo.db (",
        "saved against",
    ):
        assert part in whole
    assert [line.split()[1] for line in commands] == ["sessions", "sessions", "stats", "doctor"]
    assert [cli(*line.split()[1:]).code for line in commands] == [0, 0, 0, 0]


def test_json_holds_the_whole_context_within_its_budget(cli: Command) -> None:
    told = cli("demo", "--json", "--db", "memory://").json()
    context = told["context"]
    assert context["tokens"] == sum(context["parts"].values()) <= context["token_limit"] == 4000
    assert context["conversation_id"] == "trip-porto"
    assert not any(message["content"] and message["content"].endswith("…") for message in context["messages"])


def test_it_ends_with_a_picture_of_the_window(cli: Command) -> None:
    told = cli("demo", "--json").json()
    shown = cli("demo").out
    [log] = [line for line in shown.splitlines() if line.startswith("Log ")]
    drawn = log.split()[1]
    assert set(drawn) == set("━▒█")
    assert drawn == "━" * drawn.count("━") + "▒" * drawn.count("▒") + "█" * drawn.count("█")
    figures = dict(re.findall(r"([━▒█]) [a-z ]+: (\d+) message", shown))
    assert sum(map(int, figures.values())) == 100
    assert int(figures["█"]) == sum(message["role"] != "system" for message in told["context"]["messages"])
    assert told["compactions"] > 0
    assert told["prompt_tokens"] < told["prompt_tokens_without_compaction"]
    assert 0.5 < told["prefix_reused"] < 1


def test_the_picture_shows_what_was_left_out(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNKEEP_COMPACTION", "manual")
    shown = cli("demo", "--limit", "1", "--token-limit", "900", "--db", "memory://").out
    assert re.search(r"· left out: \d+ messages, [\d,]+ tokens, told in \d+", shown)
    assert "▒" not in shown.split("Log ")[1].split("Prompt")[0]
    assert max(map(len, shown.splitlines())) <= 80


def test_a_file_of_ones_own_gets_a_database_of_its_own(cli: Command, tmp_path: Path) -> None:
    plain = write(tmp_path / "my chats.jsonl", conversation("a"), "", conversation("b"))
    told = cli("demo", str(plain), "--json").json()
    assert told["database"] == "sqlite:///turnkeep-demo-my-chats.db"
    assert stored(tmp_path / "turnkeep-demo-my-chats.db") == told["stored"] == 4


def test_gzip_is_known_by_its_content(cli: Command, tmp_path: Path) -> None:
    packed = tmp_path / "chats"
    packed.write_bytes(gzip.compress((json.dumps(conversation()) + "\n").encode()))
    assert cli("demo", str(packed), "--json").json()["stored"] == 2
    packed.write_bytes(packed.read_bytes()[:-12])
    ended = cli("demo", str(packed), "--db", "sqlite:///new.db")
    assert ended.code == 1
    assert "chats: cannot be read" in ended.err
    assert not (tmp_path / "new.db").exists()


def test_limit_and_token_limit(cli: Command) -> None:
    told = cli("demo", "--limit", "2", "--token-limit", "900", "--concurrency", "1", "--json").json()
    assert told["conversations"] == told["stats"]["total_sessions"] == 2
    assert told["context"]["tokens"] <= told["context"]["token_limit"] == 900
    assert "keep the token limit they began with" in cli("demo", "--limit", "2").out


def test_what_was_broken_off_is_taken_up_again(cli: Command, tmp_path: Path) -> None:
    texts = [f"text {at}" for at in range(10)]
    part, whole = (write(tmp_path / f"{n}.jsonl", conversation("c", *texts[:n])) for n in (5, 10))
    assert cli("demo", str(part), "--db", "sqlite:///x.db", "--json").json()["stored"] == 5
    assert cli("demo", str(whole), "--db", "sqlite:///x.db", "--json").json()["stored"] == 5
    assert stored(tmp_path / "x.db") == 10


def test_a_changed_file_is_a_conflict_that_names_the_conversation(cli: Command, tmp_path: Path) -> None:
    for text in ("Hello.", "Good day."):
        ended = cli("demo", str(write(tmp_path / "c.jsonl", conversation("c", "Hi!", text))), "--json")
    told = ended.error()
    assert (ended.code, told["code"], told["field"]) == (1, "conflict", "external_id")
    assert "conversation 'c'" in told["message"]
    assert "1 of 2 messages are stored" in told["message"]


def test_a_budget_that_is_too_small_says_how_far_it_came(cli: Command) -> None:
    told = cli("demo", "--token-limit", "40", "--db", "memory://", "--json").error()
    assert (told["code"], told["limit"]) == ("budget-too-small", 40)
    assert f"of {MESSAGES} messages are stored" in told["message"]


def bad(**changes: Any) -> dict[str, Any]:
    return {"id": "bad", "messages": [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Yes?", **changes}]}


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
BAD_LINES = {
    "not json": ('{"id": "bad", ', "line"),
    "no object": ("[]", "line"),
    "no id": ({"messages": []}, "id"),
    "an id that is none": ({"id": 1.5, "messages": []}, "id"),
    "an id twice": (conversation("first"), "id"),
    "no messages": ({"id": "bad"}, "messages"),
    "empty messages": ({"id": "bad", "messages": []}, "messages"),
    "a message that is none": ({"id": "bad", "messages": ["Hi!"]}, "messages[0]"),
    "role": (bad(role="narrator"), "messages[1].role"),
    "content": (bad(content=""), "messages[1].content"),
    "surrogate": ('{"id": "bad", "messages": [{"role": "user", "content": "\\ud800"}]}', None),
    "nul": (bad(content="a\0b"), "messages[1].content"),
    "field": (bad(colour="red"), "messages[1].colour"),
    "result without its call": (bad(role="tool", tool_call_id="c1"), "messages[1].tool_call_id"),
    "call": (bad(tool_calls=[{**CALL, "function": {}}]), "messages[1].tool_calls[0].function.name"),
    "time": (bad(created_at="yesterday"), "messages[1].created_at"),
    "time without zone": (bad(created_at="2026-01-01T10:00"), "messages[1].created_at"),
}


@pytest.mark.parametrize(("line", "field"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_named_and_nothing_is_stored(cli: Command, tmp_path: Path, line: object, field: str | None) -> None:
    file = write(tmp_path / "bad.jsonl", conversation("first"), line, conversation("last"))
    ended = cli("demo", str(file), "--json")
    told = ended.error()
    assert (ended.code, told["code"], told["line"]) == (1, "invalid-input", 2)
    assert field in (None, told["field"])
    assert told["message"].startswith("bad.jsonl, line 2: ")
    assert not (tmp_path / "turnkeep-demo-bad.db").exists()


def test_good_fields_of_all_kinds(cli: Command, tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "What is it?"}],
            "created_at": "2026-01-01T10:00:00+01:00",
            "name": "kim",
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": ""},
        {"role": "assistant", "content": "It.", "refusal": None, "created_at": "2026-01-01T10:00:00+01:00"},
    ]
    file = write(tmp_path / "all.jsonl", {"id": 7, "messages": messages, "anything": ["else"]})
    told = cli("demo", str(file), "--json").json()
    assert told["stored"] == 5
    assert told["context"]["conversation_id"] == "7"
    assert "→ f({})" in cli("demo", str(file)).out


def test_an_empty_file(cli: Command, tmp_path: Path) -> None:
    ended = cli("demo", str(write(tmp_path / "empty.jsonl")))
    assert ended.code == 1
    assert ended.err.endswith("holds no conversations\n")


def test_nothing_from_a_file_steers_the_terminal(cli: Command, tmp_path: Path) -> None:
    file = write(tmp_path / "esc.jsonl", conversation("x\x1b[31m", "\x1b[2J [red]r[/red] :smile: \u202eabc", "ok"))
    out = cli("demo", str(file)).out + cli("sessions", "list", "--db", "sqlite:///turnkeep-demo-esc.db").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert r"\x1b[2J [red]r[/red] :smile: \u202eabc" in out
