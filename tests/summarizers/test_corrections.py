"""What people take back in so many ways: the value that they put another in the place of does not come back."""

from datetime import UTC, datetime

import pytest

from turnkeep.summarizers import Extractive

CASES = [  # who speaks takes turns, the user first; what is gone; what stands
    ("I'd like a red bike. / A red bike, ok. / Not red, blue please. / A blue bike.", "red bike", "blue"),
    ("Remind me at 6 pm to call Mum. / Reminder at 6 pm. / Could you make that 7 pm? / 7 pm.", "6 pm", "7 pm"),
    ("Reserve the Blue Room for 9:30. / Blue Room at 9:30. / Correction: 10:15. / 10:15 it is.", "9:30", "10:15"),
    ("My phone's battery lasts 5 hours. / 5 hours. / I misspoke, it's 15 hours. / 15 hours.", "5 hours.", "15 hours"),
    ("Ich fliege am 3. Mai nach Wien. / Am 3. Mai nach Wien. / Ach nein, erst am 6. Mai. / Am 6. Mai.", "3. Mai", "6. Mai"),
    ("Wir sind 4 Personen. / 4 Personen. / Wir sind jetzt doch 6 Personen. / 6 Personen.", "4 Personen", "6 Personen"),
    ("La cita es el 3 de mayo. / El 3 de mayo. / Perdón, es el 8 de mayo. / El 8 de mayo.", "3 de mayo", "8 de mayo"),
    ("Quiero dos entradas. / Dos entradas. / Mejor tres entradas. / Tres entradas.", "dos entradas", "res entradas"),
    ("La reunión es a las 10:00. / A las 10:00. / Se cambió a las 11:30. / A las 11:30.", "10:00", "11:30"),
    ("大人2人です。 / 2人ですね。 / あ、間違えました、3人です。 / 3人ですね。", "2人", "3人"),
    ("我订5月3日的房间。 / 5月3日。 / 不对，是5月6日。 / 5月6日。", "5月3日", "5月6日"),
    ("预算是800元。 / 800元。 / 改成950元吧。 / 950元。", "800元", "950元"),
    ("Je voudrais une table à 19h. / À 19h. / En fait, plutôt 20h30. / 20h30.", "19h", "20h30"),
    ("Pick me up at Gate 4. / Gate 4. / They changed it to Gate 11. / Gate 11.", "Gate 4", "Gate 11"),
    ("The party is on Saturday. / Saturday. / The party got moved to Sunday. / Sunday.", "Saturday", "Sunday"),
    ("We need 12 chairs. / 12 chairs. / 12 is too many, 8 chairs will do. / 8 chairs.", "12 chairs", "8 chairs"),
    ("I weigh 82 kg. / 82 kg. / No wait, 79 kg as of this morning. / 79 kg.", "82 kg", "79 kg"),
    ("The wifi code is for room 12. / Room 12. / It's actually room 21. / Room 21.", "oom 12", "oom 21"),
    ("My appointment is with Dr. Patel. / Dr. Patel. / They gave me Dr. Jensen instead. / Dr. Jensen.", "Patel", "Jensen"),
    ("The train leaves at 14:20. / 14:20. / They delayed it, it leaves at 15:05 now. / 15:05.", "14:20", "15:05"),
    ("Ich brauche 3 Tickets. / 3 Tickets. / Nicht 3, sondern 5 Tickets. / 5 Tickets.", "3 Tickets", "5 Tickets"),
    ("Mi vuelo es el 10 de junio. / El 10 de junio. / No, el 12 de junio. / El 12 de junio.", "10 de junio", "12 de junio"),
    ("会議は10時からです。 / 10時ですね。 / いや、11時からです。 / 11時ですね。", "10時", "11時"),
    ("我们一共4个人。 / 4个人。 / 不，5个人。 / 5个人。", "4个人", "5个人"),
    ("J'arrive le 4 mai. / Le 4 mai. / Non, je me suis trompé, le 7 mai. / Le 7 mai.", "4 mai", "7 mai"),
    ("I'll bring 2 kids. / 2 kids. / Just 1 kid after all. / 1 kid.", "2 kids", "1 kid"),
    ("Invoice number 4471. / Invoice 4471. / Typo! It's invoice 4417. / 4417.", "4471", "4417"),
    ("Start the workshop at 1 pm. / 1 pm. / Please start at 1:30 pm instead. / 1:30 pm.", "at 1 pm", "1:30 pm"),
    ("The rent is 1,200 euros. / 1,200 euros. / The landlord raised it to 1,350 euros. / 1,350 euros.", "1,200", "1,350"),
    ("My son is 7 years old. / 7, lovely. / He just turned 8 years old, actually. / 8!", "7 years", "8 years"),
    ("We fly to Athens. / Athens. / Plans changed: we fly to Crete. / Crete.", "Athens", "Crete"),
    ("Send it to maria's office in Turin. / Turin. / No, no, to Milan. / Milan.", "Turin", "Milan"),
    ("Alarm at 5:45. / 5:45. / Ugh, too early. 6:15. / 6:15.", "5:45", "6:15"),
    ("Sie ist 34 Jahre alt. / 34 Jahre. / Pardon, 43 Jahre. / 43 Jahre.", "34 Jahre", "43 Jahre"),
    ("Treffen wir uns in Köln. / Köln. / Lass uns lieber in Bonn treffen. / Bonn.", "Köln", "Bonn"),
    ("Das Paket wiegt 3 kg. / 3 kg. / Das war falsch, es wiegt 5 kg. / 5 kg.", "3 kg", "5 kg"),
    ("Vivo en Sevilla. / Sevilla. / Perdona, quise decir Granada. / Granada.", "Sevilla", "Granada"),
    ("El presupuesto es de 300 euros. / 300 euros. / Súbelo a 400 euros. / 400 euros.", "300 euros", "400 euros"),
    ("東京のホテルを3泊お願いします。 / 3泊ですね。 / やっぱり4泊にします。 / 4泊ですね。", "3泊", "4泊"),
    ("明天下午3点见。 / 下午3点。 / 改到下午5点。 / 下午5点。", "3点", "5点"),
    ("Our anniversary is 2 May. / 2 May. / My wife says it's 3 May! / 3 May.", "is 2 May", "3 May"),
    ("Rent is due on the 1st. / On the 1st. / Correction, it's due on the 5th. / The 5th.", "the 1st", "the 5th"),
    ("El restaurante para 6, el viernes. / Viernes, 6 personas. / Mejor el sábado. / Sábado, 6 personas.", "iernes", "ábado"),
    ("Compra 2 kilos de arroz. / 2 kilos. / Que sean 3 kilos. / 3 kilos.", "2 kilos", "3 kilos"),
    ("We're off to Bergen in May. / I see. / Change of plans: Trondheim. / Okay.", "Bergen", "Trondheim"),
    ("A flight to Boston, please. / I found one. / Could you switch it to New York? / New York.", "Boston", "New York"),
    ("The room is B12. / Okay. / Drop B12. C07 it is. / Fine.", "room is B12", "C07"),
    ("My sister's name is Paula. / I see. / *Paola / Okay.", "Paula", "Paola"),
    ("I'd like a room for 3 nights. / I see. / You know what, go with 5. / Okay.", "3 nights", "with 5"),
    ("My coach is Erik. / Noted: Erik. / I'd like to make a change. Sven, please. / Okay.", "Erik", "Sven"),
    ("I play the flute. / Okay. / By the way, it snowed here. / Oh. / I said oboe. / Okay.", "flute", "oboe"),
    ("Ich fahre nach Gera. / Gut, Gera. / Wie ist das Wetter? / Mild. / Doch lieber Jena. / Gut.", "Gera", "Jena"),
    ("Nous restons sept nuits. / Bien, sept. / Attendez, neuf. / Bien.", "sept nuits", "neuf"),
    ("七泊します。 / 七ですね。 / やっぱり九にします。 / 九ですね。", "七泊", "九"),
    ("我要订19:30的桌子。 / 好的，19:30。 / 不，20:15。 / 好的。", "19:30", "20:15"),
    ("我要绿色的外套。 / 好的，绿色。 / 不是绿色，是白色。 / 好的。", "绿色的外套", "白色"),
    ("我想去广州。 / 好的，广州。 / 改到深圳。 / 好的。", "我想去广州", "深圳"),
    ("Nous partons le 3 mai. / Bien. / Désolée, le 5 mai. / Bien.", "3 mai", "5 mai"),
    ("我们住七晚。 / 好的。 / 不好意思，我是说九晚。 / 好的。", "七晚", "九晚"),
]


def summary(*said: str, first: str = "user", max_tokens: int = 120) -> str:
    """The summary of a talk whose speakers take turns."""
    second = "assistant" if first == "user" else "user"
    messages = [{"role": second if n % 2 else first, "content": text} for n, text in enumerate(said)]
    return Extractive().summarize(messages, max_tokens=max_tokens)


@pytest.mark.parametrize(("said", "old", "new"), CASES)
def test_what_was_taken_back_is_gone(said: str, old: str, new: str) -> None:
    text = summary(*said.split(" / "))
    assert new.casefold() in text.casefold()
    assert f" {old}" not in f" {text}"


def test_what_is_added_replaces_nothing() -> None:
    text = summary("I need 2 tickets for Monday.", "2 tickets for Monday.", "And also 3 tickets for Friday.", "Noted.")
    assert "2 tickets" in text
    assert "3 tickets" in text


def test_an_answer_to_a_question_replaces_nothing() -> None:
    text = summary("Fly me to Rome on 3 May.", "On 3 May. When do you come back?", "On 10 May.", "10 May.")
    assert "3 May" in text
    assert "10 May" in text


# --- open talk

TALK = [
    "Hey Ben! How was your week?",
    "Hey Ana! My week was wild: I adopted a dog named Biscuit from the shelter in Leith. And yours?",
    "No way, that's awesome! I started pottery classes on Tuesdays.",
    "Lovely. My sister does that too. I got a job at the aquarium, by the way.",
    "Wow, congrats! I'm visiting my aunt in Tromsø next month.",
    "My mother grew up there! I've never seen the northern lights.",
]


def test_what_one_tells_of_oneself_is_neither_offered_nor_agreed() -> None:
    text = summary(*TALK, "Yes, they are great.", "My camera is ready.", max_tokens=200)
    assert "job at the aquarium" in text
    assert "agreed: " not in text.split("aquarium")[0].splitlines()[-1]


def test_a_question_at_the_end_loses_nothing_of_what_was_told_before_it() -> None:
    talk = [*TALK, "Nice.", "My boat is called Selkie, I keep it in Oban. Do you like boats?", "No, I get seasick."]
    text = summary(*talk, max_tokens=300)
    assert "Selkie" in text


# --- the year


def test_the_year_stands_where_it_is_not_the_messages() -> None:
    december = {"role": "user", "content": "Call Zoe Anderson next month", "created_at": datetime(2026, 12, 30, 12, tzinfo=UTC)}
    tomorrow = {"role": "user", "content": "Call Zoe Miller tomorrow", "created_at": datetime(2027, 1, 2, 12, tzinfo=UTC)}
    text = Extractive().summarize([december, tomorrow], max_tokens=100)
    assert "next month [January 2027]" in text
    assert "tomorrow [3 January 2027]" in text
    assert "tomorrow [3 January]" in Extractive().summarize([tomorrow], max_tokens=100)


# --- what takes something back without saying so in so many words

SAID = [  # the same as above: corrections inside one message, by contrast, in two steps, of plain words
    ("My flight lands at 19:30. No, wait, make that 20:15, my father is late. / Fine.", "19:30", "20:15"),
    ("A table at 19:30, I mean 20:15, please. / Fine.", "19:30", "20:15"),
    ("We stay seven nights - sorry, nine nights. / Fine.", "seven", "nine"),
    ("I'd like the fence green. / Green. / White, actually. / White.", "green", "White"),
    ("We are vegetarian. / All right. / Sorry, I meant vegan. / Vegan.", "vegetarian", "vegan"),
    ("I fly economy. / Economy. / Business instead, please. / Business.", "economy", "Business"),
    ("We meet at Luigi's. / At Luigi's. / Luigi's is closed, so Mario's. / Mario's.", "Luigi", "Mario"),
    ("Change of seats: window. / Window. / Why window? I asked for aisle. / Aisle.", "window?", "aisle"),
    ("The party is on Saturday. / Saturday. / That's wrong. / What should it be? / Sunday. / Fine.", "Saturday", "Sunday"),
    ("The room is B12. / You want B12, is that right? / No, C07. / C07.", "B12", "C07"),
    ("京都へ行きたいです。 / 京都ですね。 / すみません、大阪でした。 / 大阪ですね。", "京都", "大阪"),
]


@pytest.mark.parametrize(("said", "old", "new"), SAID)
def test_what_gives_way_is_gone_whatever_the_words(said: str, old: str, new: str) -> None:
    text = summary(*said.split(" / "), max_tokens=200)
    assert new in text
    assert old not in text


def test_only_the_alternative_that_was_named_is_agreed() -> None:
    offer = "Farol Cego has a large table at 19:30 and another, by the window, at 21:00."
    text = summary("We need a table for 9 in Porto.", offer, "At 19:30, please.", "Done.", max_tokens=200)
    assert "19:30" in text
    assert "21:00" not in text
    assert "window" not in text


def test_an_offer_that_was_turned_down_is_not_told() -> None:
    text = summary("A hotel in Rome.", "How about the Hotel Astoria?", "Not that one.", "There is the Hotel Bellevue.", "Good.")
    assert "Astoria" not in text
    assert "Bellevue" in text


def test_a_question_holds_nothing() -> None:
    text = summary("A table for 9.", "Under which name shall I book it?", "Hana Wójcik.", "Noted.", max_tokens=200)
    assert "Under which name" not in text


def test_a_bracket_does_not_contradict_the_weekday_beside_it() -> None:
    said = {"role": "user", "content": "The tour is on Thursday the 14th.", "created_at": datetime(2026, 3, 7, 12, tzinfo=UTC)}
    assert "[" not in Extractive().summarize([said], max_tokens=100)  # 14 March is a Saturday


def test_what_stood_beside_a_replaced_value_stays() -> None:
    text = summary(
        "Dinner.", "Please confirm: a table for 2 at Villa Romano in Napa.", "Make it 4 people.", "4 people.", max_tokens=200
    )
    assert "Villa Romano in Napa" in text
    assert "for 2" not in text
