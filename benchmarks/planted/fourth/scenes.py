"""What the English talks of this part are about, see dev/scenes.py."""

from __future__ import annotations

from benchmarks.planted.parts import Fact, Half, Offer, Scene

ENGLISH = Half(
    scenes=(
        Scene(
            "number of bottles",
            "count",
            ("i need {v} of the red wine", "Please deliver {v} of the Merlot."),
            "{v} of red wine.",
            "order_wine",
            "amount",
            "bottles",
        ),
        Scene(
            "number of days",
            "count",
            ("rent a van for {v}", "We'd like the camper van, {v} in total."),
            "The van for {v}.",
            "rent_vehicle",
            "duration",
            "days",
        ),
        Scene(
            "delivery day",
            "weekday",
            ("the groceries should come on {v}", "Deliver the groceries on {v}, please."),
            "Groceries on {v}.",
            "schedule_delivery",
            "day",
        ),
        Scene(
            "deadline",
            "date",
            ("the report is due on {v}", "Please note that the report has to be finished by {v}."),
            "Deadline {v}.",
            "create_task",
            "due",
        ),
        Scene(
            "start time",
            "time",
            ("the webinar starts at {v}", "Schedule the webinar for {v}, please."),
            "The webinar at {v}.",
            "create_webinar",
            "start",
        ),
        Scene(
            "topping",
            "topping",
            ("a large pizza with {v}", "I'd like to order a pizza with {v}."),
            "One pizza with {v}.",
            "order_pizza",
            "topping",
        ),
        Scene(
            "invoice number",
            "code",
            ("i have a question on invoice {v}", "Invoice {v} was charged twice."),
            "I'm opening invoice {v}.",
            "get_invoice",
            "invoice",
        ),
        Scene(
            "donation",
            "amount",
            ("i'd like to donate {v} to the animal shelter", "Please give {v} to the shelter from my account."),
            "A donation of {v}.",
            "donate",
            "amount",
        ),
        Scene(
            "file format",
            "format",
            ("export the chart as {v}", "Can you save the chart as {v} for me?"),
            "Exporting as {v}.",
            "export_chart",
            "format",
        ),
        Scene(
            "reviewer",
            "name",
            ("assign the pull request to {v}", "{v} should review my pull request."),
            "Assigned to {v}.",
            "assign_reviewer",
            "reviewer",
        ),
        Scene(
            "city",
            "place",
            ("what's the cost of living in {v}", "I'm moving to {v}, what do flats cost there?"),
            "Let me see about {v}.",
            "search_flats",
            "city",
        ),
        Scene(
            "seat",
            "seat",
            ("i'd like {v} on the plane", "Please reserve {v} for the flight."),
            "{v}, gladly.",
            "reserve_seat",
            "seat",
        ),
        Scene(
            "language",
            "lang",
            ("translate the leaflet into {v}", "I need the leaflet in {v}."),
            "The leaflet in {v}.",
            "translate",
            "target",
        ),
    ),
    offers=(
        Offer(
            "suggest a gift for my mother",
            "{v} would be lovely. Shall I order that?",
            "Ordered: {v}.",
            ("a silk scarf", "a tea set", "an orchid", "a cookbook"),
            "order_gift",
            "item",
        ),
        Offer(
            "which day can you repair my bike",
            "We could do {v}. All right?",
            "See you on {v}.",
            ("Tuesday", "Thursday", "Saturday"),
            "book_repair",
            "day",
        ),
        Offer(
            "find me a dentist nearby",
            "{v} takes new patients. Should I call?",
            "You have a visit at {v}.",
            ("Dr. Keller", "Smile Studio", "Dr. Okafor", "Dental Point"),
            "book_dentist",
            "practice",
        ),
        Offer(
            "which framework should i learn",
            "I recommend {v}, it has good docs.",
            "Then {v} it is.",
            ("Django", "Flask", "Rails", "Laravel"),
            "start_course",
            "course",
        ),
        Offer(
            "where can we go for a short hike",
            "How about {v}? The view is great.",
            "Enjoy {v}!",
            ("Eagle Peak", "Mirror Lake", "the Fern Trail", "Stony Ridge"),
            "save_route",
            "trail",
        ),
    ),
    facts=(
        Fact(("i have {v} kids", "we've got {v} kids at home"), "i have {v} kids", "A lively home!", ("2", "3", "4", "5")),
        Fact(
            ("my birthday is in {v}", "i was born in {v}"),
            "my birthday is in {v}",
            "Good to know.",
            ("January", "April", "August"),
        ),
        Fact(
            ("my brother works at {v}", "my brother has a job at {v} since spring"),
            "my brother works at {v}",
            "A big company.",
            ("Siemens", "Airbus", "Nestlé", "Philips"),
        ),
        Fact(
            ("i usually drink {v} in the morning", "every morning i have {v}"),
            "i usually drink {v}",
            "A good start into the day.",
            ("coffee", "green tea", "hot chocolate", "orange juice"),
        ),
        Fact(
            ("my grandmother comes from {v}", "grandma grew up in {v} on a farm"),
            "my grandmother comes from {v}",
            "How interesting.",
            ("Norway", "Iceland", "Estonia", "Finland"),
        ),
        Fact(
            ("i support {v}", "i've been a {v} fan since childhood"),
            "i support {v}",
            "A club with history.",
            ("Everton", "Chelsea", "Arsenal", "Fulham"),
        ),
    ),
    pools={
        "count": ("3", "4", "6", "8", "10"),
        "weekday": ("Monday", "Wednesday", "Sunday"),
        "date": ("March 2nd", "March 11th", "March 23rd", "October 8th", "October 19th"),
        "time": ("4pm", "5:30", "11am", "19:15"),
        "topping": ("mushrooms", "salami", "artichokes", "spinach"),
        "code": ("INV-3301", "INV-3310", "2024-117", "R55-8", "R55-9"),
        "amount": ("$25", "$75", "€60", "€120"),
        "format": ("PNG", "SVG", "PDF", "JPEG"),
        "name": ("Lena Fischer", "David Chen", "Fatima", "Mr. Kowalski"),
        "place": ("Leeds", "Dresden", "Turin", "Aarhus"),
        "seat": ("a window seat", "an aisle seat", "a middle seat"),
        "lang": ("Dutch", "Polish", "Turkish", "Greek"),
    },
    who=("my dad", "the doctor", "Elena", "our accountant", "my partner", "she"),
    acks=("Fine.", "Okay, I've got that.", "Right away.", "Consider it done.", "Thanks, understood."),
    yes=("yes go ahead", "ok let's take it", "sure, that's fine", "lovely"),
    side="""who wrote moby dick | Herman Melville.
do bees sleep? | They do, mostly at night.
my back hurts from sitting | Try to stand up every half hour.
what's a good name for a goldfish | Bubbles is a classic.
how do you poach an egg? | Simmering water, a dash of vinegar, then gently slide it in.
The dishwasher smells odd lately. | Cleaning the filter usually helps.
what's the capital of Mongolia | Ulaanbaatar.
how do i make my cv shorter | Leave out what is older than a decade.
is it ok to water plants at noon? | Better early, less evaporates.
explain inflation to me like i'm a child | Things cost more, so the same coins buy less sweets.
ugh it's so hot today | Close the blinds and drink plenty.
which knot do climbers use | The figure-eight knot.
what does HTTP mean? | Hypertext Transfer Protocol.
my scarf got lost on the bus | The lost property office may have it.
why do cats purr | Often because they are content.
can i recycle pizza boxes? | Only if they are clean.
i'm bored | A crossword, maybe?
thanks a bunch | My pleasure.""",
)
