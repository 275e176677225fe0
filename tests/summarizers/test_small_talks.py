"""Small talks that are read whole: nothing of them is lost that was not taken back, and nothing in them is noise.

From the lead: cases seen after the last merge. A replacement must have a reason of its own: the same noun, or the same kind of value
in the same role. "one of us" does not replace "9 people", and a person's name beside a "No, make it 20:15" does not replace a city.
Better one stale value told than a true one lost.
"""

from __future__ import annotations

import pytest

from turnkeep.summarizers import Extractive

TALKS = {
    "a table": (
        [
            ("user", "We are 9 people and need a table in Porto on Friday."),
            ("assistant", "Gladly. At which time would you like to come, and is there anything that the kitchen should know?"),
            ("user", "At 19:30. And one of us cannot eat nuts."),
            ("assistant", "I have told the kitchen, they will mark the plate. Under which name shall I book the table?"),
            ("user", "Hana Wójcik. No, make it 20:15 instead, my father lands late."),
            ("assistant", "That is no trouble at all. Your table is going to be ready for all of you then, and so are we."),
        ],
        ("9 people", "Porto", "Friday", "nuts", "Hana Wójcik", "20:15"),
        ("19:30", "Gladly", "And one of;", "so are we"),
    ),
    "another table": (
        [
            ("user", "We are 9 people and need a table in Porto on Friday."),
            ("assistant", "At which time? Farol Cego has a large table at 19:30 and another, by the window, at 21:00."),
            ("user", "At 19:30, please."),
            ("assistant", "Then it is 19:30 for 9 at Farol Cego, the large table. Under which name shall I book it?"),
            ("user", "Hana Wójcik. No, make it 20:15 instead, my father lands late. And one of us cannot eat nuts."),
            ("assistant", "Wójcik, 20:15, and no nuts for one guest: I have told the kitchen, they will mark the plate."),
        ],
        ("9 people", "Porto", "Friday", "nuts", "Hana Wójcik", "20:15", "Farol Cego"),
        ("19:30", "21:00"),
    ),
}


@pytest.mark.parametrize("limit", [70, 150])
@pytest.mark.parametrize("name", TALKS)
def test_what_was_said_stays_and_what_was_taken_back_goes(name: str, limit: int) -> None:
    talk, kept, gone = TALKS[name]
    text = Extractive().summarize([{"role": role, "content": said} for role, said in talk], max_tokens=limit)
    assert [fact for fact in kept if fact not in text] == [], text
    assert [fact for fact in gone if fact in text] == [], text
