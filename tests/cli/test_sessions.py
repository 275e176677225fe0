"""`turnkeep sessions list | show | resummarize | delete`."""

import io
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command, conversation, write


@pytest.fixture
def ids(cli: Command, url: str) -> dict[str, str]:
    found = cli("sessions", "list", "--json", "--db", url).json()["sessions"]
    return {session["conversation_id"]: session["id"] for session in found}


def test_a_list_shows_whole_ids_at_80_columns(script: Command, url: str, ids: dict[str, str]) -> None:
    listed = script("sessions", "list", "--db", url)
    assert listed.code == 0
    assert len(ids) == 7
    assert all(session_id in listed.out.split() for session_id in ids.values())
    assert max(map(len, listed.out.splitlines())) <= 80
    narrow = script("sessions", "list", "--db", url, COLUMNS="30")
    assert all(session_id in narrow.out for session_id in ids.values())


def test_a_list_goes_on_by_pages(cli: Command, url: str, ids: dict[str, str]) -> None:
    seen: list[str] = []
    before: list[str] = []
    while True:
        page = cli("sessions", "list", "--json", "--limit", "3", *before, "--db", url).json()
        seen += [session["id"] for session in page["sessions"]]
        if page["next_before"] is None:
            break
        before = ["--before", page["next_before"]]
    assert seen == list(ids.values())
    first = cli("sessions", "list", "--limit", "3", "--db", url)
    assert first.out.endswith(f"There are more: add --before {seen[2]}\n")


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("--status", "active"), 7),
        (("--status", "expired"), 0),
        (("--interface", "demo"), 7),
        (("--interface", "web"), 0),
        (("--user", "chat-maren"), 1),
        (("--app", "other"), 0),
    ],
)
def test_a_list_is_filtered(cli: Command, url: str, filters: tuple[str, ...], count: int) -> None:
    assert len(cli("sessions", "list", "--json", *filters, "--db", url).json()["sessions"]) == count


def test_an_empty_list_says_so(cli: Command, url: str) -> None:
    assert cli("sessions", "list", "--user", "nobody", "--db", url).out == "No sessions.\n"


def test_json_has_nothing_of_the_stores_own(cli: Command, url: str) -> None:
    session: dict[str, Any] = cli("sessions", "list", "--json", "--db", url).json()["sessions"][0]
    assert not {"number", "root", "created_ms"} & set(session)
    assert session["created_at"].endswith("Z")


def test_show(cli: Command, url: str, ids: dict[str, str]) -> None:
    session_id = ids["trip-porto"]
    told = cli("sessions", "show", session_id, "--messages", "3", "--json", "--db", url).json()
    assert [message["seq"] for message in told["messages"]] == [98, 99, 100]
    assert told["stats"]["messages"] == told["session"]["messages"] == 100
    assert len(told["summaries"]) == told["stats"]["summaries"] > 0
    shown = cli("sessions", "show", session_id, "--messages", "3", "--db", url).out
    assert max(map(len, shown.splitlines())) <= 80
    for part in (session_id, "demo/trip-porto", "Summary of messages 2-", "100 assistant", "never expires"):
        assert part in shown
    assert "97 tool" not in shown
    assert cli("sessions", "show", session_id, "--messages", "0", "--json", "--db", url).json()["messages"] == []


def test_resummarize(cli: Command, url: str, ids: dict[str, str]) -> None:
    session_id = ids["trip-porto"]
    where = ("sessions", "show", session_id, "--messages", "0", "--json", "--db", url)
    before = [one for one in cli(*where).json()["summaries"] if one["live"]]
    made = cli("sessions", "resummarize", session_id, "--json", "--db", url).json()
    assert [(one["from_seq"], one["to_seq"]) for one in made["summaries"]] == [(one["from_seq"], one["to_seq"]) for one in before]
    after = cli(*where).json()["summaries"]
    assert [one["live"] for one in after].count(True) == len(before)
    assert "data" not in after[0]
    shown = cli("sessions", "resummarize", session_id, "--db", url).out
    assert shown.startswith(f"Made {len(before)} summar")
    assert "Summary of messages 2-" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert cli("sessions", "resummarize", ids["chat-maren"], "--db", "sqlite:///none.db").code == 1
    assert cli("doctor", "--db", url).code == 0


def test_a_long_text_is_shortened_on_the_screen_only(cli: Command, tmp_path: Path) -> None:
    write(tmp_path / "long.jsonl", conversation("long", "word " * 500, "字" * 3000))
    made = cli("demo", "long.jsonl", "--json").json()
    where = (made["context"]["session_id"], "--db", made["database"])
    shown = cli("sessions", "show", *where).out
    assert shown.count("…") == 2
    assert "--json has all of them" in shown
    whole = cli("sessions", "show", *where, "--json").json()["messages"]
    assert [message["content"] for message in whole] == ["word " * 500, "字" * 3000]


@pytest.mark.parametrize("verb", ["show", "delete", "resummarize"])
def test_an_unknown_session(cli: Command, url: str, ids: dict[str, str], verb: str) -> None:
    yes = ("--yes",) if verb == "delete" else ()
    ended = cli("sessions", verb, "ses_nope", *yes, "--db", url)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Error: session_id: no session 'ses_nope' in this app\n"
    other = cli("sessions", verb, ids["chat-maren"], *yes, "--app", "other", "--json", "--db", url)
    assert other.error()["code"] == "unknown-session"


def test_delete_asks(cli: Command, url: str, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = ids["chat-maren"]
    for answer, code, left in (("n\n", 1, 7), ("", 1, 7), ("y\n", 0, 6)):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert cli("sessions", "delete", session_id, "--db", url).code == code
        assert cli("stats", "--json", "--db", url).json()["total_sessions"] == left


def test_delete_without_asking(script: Command, url: str, ids: dict[str, str]) -> None:
    assert script("sessions", "delete", ids["chat-maren"], "--json", "--db", url).code == 2
    ended = script("sessions", "delete", ids["chat-maren"], "--json", "--yes", "--db", url)
    assert ended.json() == {"deleted": ids["chat-maren"], "messages": 75}
