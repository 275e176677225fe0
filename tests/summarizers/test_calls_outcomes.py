"""How a call ended: what failed, found nothing or is still under way is never told as done."""

import pytest

from turnkeep.summarizers import Extractive
from turnkeep.summarizers.extractive.outcomes import outcome
from turnkeep.summarizers.extractive.reading import Said

RESULTS = [
    # an object that says no
    ('{"booked": false}', "failed"),
    ('{"result": "declined"}', "failed: declined"),
    ('{"status": "not_available"}', "failed: not_available"),
    ('{"status": "cancelled"}', "cancelled"),
    ('{"status": "pending"}', "pending"),
    ('{"data": {"status": "queued", "id": 7}}', "queued"),
    ('{"success": "false"}', "failed"),
    ('{"success": 0}', "failed"),
    ('{"status": 404, "path": "/x"}', "failed: status 404"),
    ('{"status_code": 500}', "failed: status_code 500"),
    ('{"isError": true, "content": [{"type": "text", "text": "no such room"}]}', "failed: no such room"),
    ('{"isError": false, "content": [{"type": "text", "text": "Sorry, no seats."}]}', "failed: Sorry, no seats."),
    ('{"error_message": "card refused"}', "failed: card refused"),
    ('{"errorMessage": "card refused"}', "failed"),
    ('{"code": "ERR_TIMEOUT"}', "failed: ERR_TIMEOUT"),
    ('{"exit_code": 1, "stderr": "no such file"}', "failed: no such file"),
    ('{"data": {"error": "no seats"}}', "failed: no seats"),
    ('{"result": {"success": false}}', "failed"),
    ('[{"error": "x"}, {"error": "y"}]', "failed: x"),
    ('[{"error": "x"}, {"ref": "y"}]', "1 of 2 failed"),
    ("false", "failed"),
    ('{"available": false}', "available=false"),
    # nothing was found
    ('{"results": [], "total": 0}', "no result"),
    ('{"count": 0}', "no result"),
    ('{"error": null, "data": null}', "no result"),
    ('{"ok": true, "items": [], "page": 1}', "no result"),
    ('{"data": {"hits": []}}', "no result"),
    ("No results found for Porto.", "no result"),
    # prose
    ("HTTP 500", "failed: HTTP 500"),
    ("timed out after 30 s", "failed: timed out after 30 s"),
    ("Permission denied", "failed: Permission denied"),
    ("Sorry, this slot is fully booked.", "failed: Sorry, this slot is fully booked."),
    ("error: no such table", "failed"),
    ("1 failed, 13 passed", "failed: 1 failed, 13 passed"),
    ("The table was not booked", "failed: The table was not booked"),
    ("exit code 2", "failed: exit code 2"),
    ("request queued", "pending"),
    # what says that it was done
    ("no errors found, 14 passed", "ok"),
    ("0 failed, 14 passed", "ok"),
    ("Booked: BX 77", "ok"),
    ("HTTP 200", "ok"),
    ('{"ok": true}', "ok"),
    ('{"status": "confirmed", "ref": "BX 77"}', "ok"),
    ('{"status": 200, "error": null, "data": {"ref": "BX 77"}}', "ok"),
    ('{"exit_code": 0, "passed": 14, "failed": 0, "errors": []}', "ok"),
    ('{"confirmation": "LIM-20815", "rooms": [{"number": "03"}]}', "ok"),
    ('{"message": "Booking created"}', "ok"),
    # what says neither
    ('{"name": "Casa", "lift": false, "stops": 0, "notes": []}', "data"),
    ('{"state": "CA", "code": "SPRING", "city": "Fresno"}', "data"),
    ('{"data": {"ref": "BX 77"}}', "data"),
    ('[["a", 1]]', "data"),
    # what nobody here knows
    ('{"status": "受付済み"}', "受付済み"),
    ("sunny, 21 degrees", "sunny, 21 degrees"),
    ('[{"status": "cancelled"}, {"status": "delayed"}]', "2 found"),
]


@pytest.mark.parametrize(("result", "told"), RESULTS)
def test_a_result_says_how_its_call_ended(result: str, told: str) -> None:
    found = outcome(result)[0]
    assert found == told or (told == "failed" and found.startswith("failed"))


def told(result: str, *after: str) -> str:
    call = {"id": "1", "function": {"name": "Book", "arguments": '{"name": "Sino"}'}}
    messages: list[Said] = [
        {"role": "user", "content": "Book Sino please"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": result},
    ]
    messages += [{"role": "assistant", "content": each} for each in after]
    return Extractive().summarize(messages, max_tokens=200)


@pytest.mark.parametrize(
    "said",
    [
        "The reservation could not be made.",
        "I'm afraid I was unable to book it.",
        "Sorry, the payment was declined.",
        "Leider konnte der Tisch nicht reserviert werden.",
        "No se pudo hacer la reserva.",
        "予約できませんでした。",
    ],
)
def test_the_assistants_word_that_it_was_not_done_counts(said: str) -> None:
    assert "-> failed" in told('{"ref": "BX 77"}', said)


def test_an_assistant_that_says_no_such_thing_changes_nothing() -> None:
    said = "Booked, the reference is BX 77. Could I do more?"
    assert "-> ok" in told('{"ok": true, "ref": "BX 77"}', said)
    assert "-> data" in told('{"ref": "BX 77"}', said)


@pytest.mark.parametrize("result", ['{"a": ' * 50 + "1" + "}" * 50, "x" * 1_000_000, "no " * 300_000, "[" * 5000])
def test_any_result_is_told_in_a_few_words(result: str) -> None:
    assert len(outcome(result)[0]) < 60
