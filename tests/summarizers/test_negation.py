"""What was denied is told as denied: a fragment carries its "not", or is not told."""

from __future__ import annotations

import pytest

from turnkeep.summarizers import Extractive

DENIED = {  # what is told, if anything: the slice with its denial
    "Please don't book the table at Sino for 20:15.": "don't book the table at Sino for 20:15",
    "Don't send the invoice to Acme.": "Don't send the invoice to Acme",
    "I have no allergy to nuts.": "I have no allergy to nuts",
    "I do not want the hotel Ribeira on Friday.": "I do not want the hotel Ribeira on Friday",
    "I won't pay 45 euros.": "I won't pay 45 euros",
    "Never call me before 10:00.": "Never call me before 10:00",
    "We are not staying at Casa Nova until 12 May.": "We are not staying at Casa Nova until 12 May",
    "Anything except the Sino restaurant on Friday.": "Anything except the Sino restaurant on Friday",
    "We have no table at 19:00.": "We have no table at 19:00",
    "The reservation could not be made.": "reservation could not be made",
    "I can't book Sino.": "can't book Sino",
    "Not at this time.": "Not at this time",
    "I don't want the Ribeira, the Adler, or the Casa Nova.": "I don't want the Ribeira, the Adler, or the Casa Nova",
    "The hotel Ribeira on Friday does not work for me.": "hotel Ribeira on Friday does not work for me",
    "Please don't, under any circumstances, book the table at Sino.": "don't, under any circumstances, book the table at Sino",
    "ich will kein Zimmer im Hotel Adler am Freitag.": "kein Zimmer im Hotel Adler am Freitag",
    "Das Hotel Adler am Freitag will ich nicht.": "Hotel Adler am Freitag will ich nicht",
    "No quiero el hotel Ribeira el viernes.": "No quiero el hotel Ribeira el viernes",
    "Je ne veux pas l'hôtel Ribeira vendredi.": "ne veux pas l'hôtel Ribeira vendredi",
    "Non voglio l'hotel Ribeira venerdì.": "Non voglio l'hotel Ribeira venerdì",
    "Não quero o hotel Ribeira na sexta-feira.": "Não quero o hotel Ribeira na sexta-feira",
    "Ik wil geen kamer in Hotel Adler op vrijdag.": "geen kamer in Hotel Adler op vrijdag",
    "Я не хочу отель Рибейра в пятницу.": "не хочу отель Рибейра в пятницу",
    "金曜日にホテルリベイラは予約しないでください。": "ホテルリベイラは予約しないで",
    "我不要 Ribeira 酒店 周五。": "不要 Ribeira 酒店 周五",
}
TOLD = {  # words that deny nothing that follows them
    "No, make it 20:15.": "user: make it 20:15",
    "No, 19:30 for nine people.": "user: 19:30 for nine people",
    "No problem, book the Sino at 19:30.": "user: No problem, book the Sino at 19:30",
    "Why not book a table at Sino at 19:30?": "user: book a table at Sino at 19:30",
    "I am not hungry but book the Sino restaurant for 20:15.": "book the Sino restaurant for 20:15",
}


@pytest.mark.parametrize("who", ["user", "assistant"])
@pytest.mark.parametrize("said", DENIED)
def test_what_was_denied_is_told_as_denied(said: str, who: str) -> None:
    for limit in (25, 60, 200):
        text = Extractive().summarize([{"role": who, "content": said}], max_tokens=limit)
        for piece in text.partition(": ")[2].split("; ") if text else ():
            assert DENIED[said] in piece, text
    if who == "user":
        assert text


@pytest.mark.parametrize("said", TOLD)
def test_what_denies_nothing_is_no_denial(said: str) -> None:
    text = Extractive().summarize([{"role": "user", "content": said}], max_tokens=200)
    assert TOLD[said] in text, text


def test_a_denial_too_far_from_what_it_denies_takes_it_along() -> None:
    said = (
        "I do not want " + "any of the many expensive crowded loud dirty places downtown " * 4 + "nor the hotel Ribeira on Friday"
    )
    text = Extractive().summarize([{"role": "user", "content": said}], max_tokens=200)
    for piece in text.split("; "):
        assert "Ribeira" not in piece or "nor the hotel Ribeira" in piece
