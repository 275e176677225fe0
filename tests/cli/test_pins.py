"""`turnkeep sessions pins | pin | unpin`."""

from tests.cli.conftest import Command


def test_pins(cli: Command, url: str) -> None:
    [session] = cli("sessions", "list", "--json", "--user", "chat-maren", "--db", url).json()["sessions"]
    where = (session["id"], "--db", url)
    assert cli("sessions", "pins", *where).out == "No pins.\n"
    assert cli("sessions", "pin", *where, "The plan is Pro.").out.startswith("Pinned as ")
    message = cli("sessions", "pin", *where, "--message", "2", "--json").json()
    assert (message["seq"], message["source"]) == (2, None)
    pins = cli("sessions", "pins", *where, "--json").json()["pins"]
    assert [pin["text"] for pin in pins] == ["The plan is Pro.", message["text"]]
    shown = cli("sessions", "pins", *where).out
    assert "a fact" in shown
    assert "message 2" in shown
    assert max(map(len, shown.splitlines())) <= 80
    number = str(pins[0]["number"])
    assert cli("sessions", "unpin", session["id"], number, "--db", url).out == f"Unpinned {number}.\n"
    assert cli("sessions", "pins", *where, "--json").json()["pins"] == [message]
    gone = cli("sessions", "unpin", session["id"], number, "--db", url, "--json")
    assert (gone.code, gone.error()["code"]) == (1, "unknown-pin")


def test_a_pin_is_a_text_or_a_message(cli: Command, url: str) -> None:
    for given in ([], ["a text", "--message", "1"]):
        assert cli("sessions", "pin", "ses_x", *given, "--db", url).code == 2
