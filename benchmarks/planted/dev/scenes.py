"""What the English talks of this half are about: scenes, values, and the turns around them."""

from __future__ import annotations

from benchmarks.planted.parts import Fact, Half, Offer, Scene

ENGLISH = Half(
    scenes=(
        Scene(
            "number of nights",
            "count",
            ("we want to rent the lake cabin for {v}", "Could you book the lake cabin, {v} please?"),
            "The lake cabin for {v}, got it.",
            "book_cabin",
            "nights",
            "nights",
        ),
        Scene(
            "number of guests",
            "count",
            ("table at the thai place near the station for {v} tonight", "I need a table at Thai Orchid for {v}."),
            "A table for {v}, all right.",
            "reserve_table",
            "guests",
            "people",
        ),
        Scene(
            "day",
            "weekday",
            ("dentist appointment on {v} please", "Please put my dentist visit on {v}."),
            "Dentist on {v}.",
            "create_event",
            "day",
        ),
        Scene(
            "date",
            "date",
            ("I'd like to fly to Oslo on {v}", "need a flight to oslo for {v}, one way"),
            "Looking for flights to Oslo on {v}.",
            "search_flights",
            "date",
        ),
        Scene(
            "time",
            "time",
            ("remind me to call the landlord at {v}", "Set the stand-up with the team for {v}, please."),
            "I'll put it down for {v}.",
            "set_reminder",
            "time",
        ),
        Scene(
            "size",
            "size",
            ("order the rain jacket in {v}", "i want that grey rain jacket, size {v}"),
            "The rain jacket in {v}, fine.",
            "add_to_cart",
            "size",
        ),
        Scene(
            "colour",
            "colour",
            ("we want to paint the hallway {v}", "Please order two cans of the {v} wall paint."),
            "{v} it is, a nice choice for a hallway.",
            "order_paint",
            "colour",
        ),
        Scene(
            "order number",
            "code",
            ("my order {v} never arrived", "Hello, I have a question about order {v}, it is late."),
            "Let me look into order {v}.",
            "track_order",
            "order_id",
        ),
        Scene(
            "amount",
            "amount",
            ("send {v} to my brother for the concert", "please transfer {v} to the sports club"),
            "A transfer of {v}.",
            "transfer_money",
            "amount",
        ),
        Scene(
            "branch",
            "branch",
            ("rebase my work onto {v}", "can you run the tests on the branch {v}"),
            "Using the branch {v}.",
            "run_tests",
            "branch",
        ),
        Scene(
            "recipient",
            "name",
            ("send the meeting notes to {v}", "please share the contract draft with {v}"),
            "I'll send it to {v}.",
            "send_document",
            "recipient",
        ),
        Scene(
            "destination",
            "place",
            ("what does a weekend in {v} cost by train", "we are looking for a small flat in {v} for easter"),
            "{v} is lovely then.",
            "search_trips",
            "destination",
        ),
        Scene(
            "dose",
            "count",
            ("my doctor put me on {v} of vitamin d a day", "Please note that I take {v} of vitamin D daily."),
            "Noted, {v} a day.",
            "log_medication",
            "drops",
            "drops",
        ),
    ),
    offers=(
        Offer(
            "find me a hotel near the old harbour",
            "{v} has a room with breakfast. Shall I book it?",
            "Booked at {v}.",
            ("Hotel Miramar", "Pension Luna", "the Seaview Inn", "Casa Verde"),
            "book_hotel",
            "hotel",
        ),
        Offer(
            "I'm hungry, what could I get delivered around here?",
            "How about {v}? They deliver within half an hour.",
            "Ordered from {v}.",
            ("Mamma Rosa", "Wok Garden", "Curry Palace", "Burger Barn"),
            "order_food",
            "restaurant",
        ),
        Offer(
            "could i get someone to look at the boiler",
            "Our technician has an opening on {v}. Does that suit you?",
            "The technician comes on {v}.",
            ("Monday", "Wednesday", "Friday"),
            "schedule_visit",
            "day",
        ),
        Offer(
            "which plan should i take for my phone",
            "I'd suggest {v}, it has unlimited texts.",
            "You're on {v} now.",
            ("the Basic plan", "the Flex plan", "the Family plan"),
            "set_plan",
            "plan",
        ),
        Offer(
            "I want to give my niece a board game",
            "{v} is popular with kids. Add it to the basket?",
            "{v} is in the basket.",
            ("Azul", "Carcassonne", "Dobble", "Catan"),
            "add_to_cart",
            "item",
        ),
        Offer(
            "what database do you recommend for the prototype",
            "I would take {v} here. Shall I set it up?",
            "{v} is set up.",
            ("MongoDB", "Redis", "MariaDB", "DuckDB"),
            "create_database",
            "engine",
        ),
    ),
    facts=(
        Fact(
            ("my sister lives in {v}", "My sister lives in {v} with her two cats"),
            "my sister lives in {v}",
            "{v} must be nice to visit.",
            ("Toulouse", "Lyon", "Bordeaux", "Lille"),
        ),
        Fact(
            ("my dog is called {v}", "we just got a puppy, his name is {v}"),
            "his name is {v}",
            "What a lovely name!",
            ("Bruno", "Pepper", "Loki", "Biscuit"),
        ),
        Fact(
            ("I work as {v} btw", "i'm {v}, have been for ages"),
            "i'm {v}",
            "That must keep you busy.",
            ("a nurse", "a plumber", "a teacher", "an architect"),
        ),
        Fact(
            ("i'm allergic to {v}", "keep in mind i'm allergic to {v}"),
            "i'm allergic to {v}",
            "Thanks, I'll keep that in mind.",
            ("peanuts", "shellfish", "celery", "soy"),
        ),
        Fact(
            ("my son plays the {v}", "my son started to learn the {v}, it's loud"),
            "my son plays the {v}",
            "Music is a wonderful hobby.",
            ("trumpet", "cello", "drums", "violin"),
        ),
        Fact(
            ("we moved here in {v}", "We moved here in {v} when the kids were small"),
            "we moved here in {v}",
            "A while ago, then.",
            ("2014", "2016", "2018"),
        ),
    ),
    pools={
        "count": ("2", "4", "6", "8", "11"),
        "weekday": ("Monday", "Wednesday", "Friday"),
        "date": ("March 4th", "March 9th", "March 14th", "May 21st", "May 26th"),
        "time": ("7pm", "8:15", "10am", "18:30"),
        "size": ("medium", "large", "XXL"),
        "colour": ("mint green", "yellow", "light blue", "beige"),
        "code": ("A-1142", "A-1124", "KX77201", "KX77210", "558-903"),
        "amount": ("$40", "$45", "$250", "$1,200"),
        "branch": ("develop", "release-2", "feature/login", "hotfix-cart"),
        "name": ("Anna Becker", "Tom Whitfield", "Priya", "Mr. Olsen"),
        "place": ("Ghent", "Bruges", "Trieste", "Porto"),
    },
    who=("she", "my boss", "my wife", "the client", "he", "Martin"),
    acks=("Noted.", "Okay, one moment.", "All right, I'll see to it.", "Sure, thanks for letting me know.", "Got it!"),
    yes=("yes please", "ok, that one", "Perfect, I'll take it.", "sounds good"),
    side="""what's the weather like this week | Mostly cloudy with some rain towards the weekend.
do you know a good podcast about history? | Many people like The Rest Is History.
how long do potatoes keep in the cellar | In a dark and cool cellar several months.
my laptop is slow again | Try closing the browser tabs you don't need, then restart it.
I also need a birthday present for my dad, he likes gardening | A good pair of pruning shears would be a classic.
is the library open on holidays? | No, it is closed on public holidays.
what was the name of that film with the lighthouse | You may think of The Lighthouse with Willem Dafoe.
the neighbours are drilling since early morning, so annoying | That sounds exhausting. Maybe a walk in the park helps.
could you explain compound interest quickly? | You earn interest on the interest of earlier years as well.
i think i'm getting a cold | Rest, drink a lot of tea and see a doctor if the fever rises.
translate 'good evening' to portuguese | It's 'boa noite'.
I parked in the garage on Mill Street | Noted, the car is in the garage on Mill Street.
which bread is best for sandwiches | A soft sourdough works well.
remember that my gym locker code is with my coach | Understood, your coach keeps it.
thanks, you are a great help | You're welcome!
how do i get red wine out of a shirt | Salt and cold sparkling water, as soon as you can.
do i need an adapter in england? | Yes, they use type G sockets there.
our printer is out of toner again | I can put toner on the shopping list.""",
)
