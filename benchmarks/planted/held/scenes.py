"""What the English talks of this half are about: scenes, values, and the turns around them."""

from __future__ import annotations

from benchmarks.planted.parts import Fact, Half, Offer, Scene

ENGLISH = Half(
    scenes=(
        Scene(
            "number of portions",
            "count",
            ("catering for the garden party, {v} of lasagne", "Please order {v} of the lasagne for the party."),
            "{v} of lasagne, understood.",
            "order_catering",
            "portions",
            "portions",
        ),
        Scene(
            "number of parcels",
            "count",
            ("the courier should pick up {v} at my office", "I have {v} to be collected from the warehouse."),
            "A pickup of {v}.",
            "schedule_pickup",
            "parcels",
            "parcels",
        ),
        Scene(
            "date",
            "date",
            ("book the ferry to Gotland on {v}", "we'd take the ferry with the car on {v}"),
            "The ferry on {v}, noted.",
            "book_ferry",
            "date",
        ),
        Scene(
            "day",
            "weekday",
            ("sign me up for yoga on {v}", "I would like to join the yoga class on {v}, please."),
            "Yoga on {v}, nice.",
            "join_class",
            "day",
        ),
        Scene(
            "time",
            "time",
            ("haircut at {v} with Sandra if she's free", "Please book me a haircut at {v}."),
            "Haircut at {v}, let me see.",
            "book_haircut",
            "time",
        ),
        Scene(
            "shoe size",
            "size",
            ("the hiking boots in {v} pls", "I'd like to exchange the boots, I ordered {v}."),
            "Boots in {v}.",
            "order_boots",
            "size",
        ),
        Scene(
            "colour",
            "colour",
            ("curtains for the bedroom, {v} ones", "Please get us the {v} curtains for the bedroom."),
            "{v} curtains will look great.",
            "order_curtains",
            "colour",
        ),
        Scene(
            "ticket number",
            "code",
            ("what's happening with ticket {v}", "Good morning, could you reopen ticket {v}?"),
            "Checking ticket {v}.",
            "reopen_ticket",
            "ticket",
        ),
        Scene(
            "budget",
            "amount",
            ("my budget for a used bike is {v}", "set the monthly grocery budget to {v}"),
            "A budget of {v}.",
            "set_budget",
            "amount",
        ),
        Scene(
            "region",
            "branch",
            ("deploy the api to {v}", "please restart the workers in {v}"),
            "Working on {v}.",
            "deploy_service",
            "region",
        ),
        Scene(
            "name on the cake",
            "name",
            ("the cake should say happy birthday {v}", "Please write '{v}' on the cake."),
            "{v} on the cake, lovely.",
            "order_cake",
            "inscription",
        ),
        Scene(
            "city",
            "place",
            ("any concerts in {v} this month?", "I'm looking for a coworking desk in {v} for a few weeks."),
            "Let me look what {v} has.",
            "search_city",
            "city",
        ),
        Scene(
            "number of kilometres",
            "count",
            ("i want to run {v} on my first training day", "My training plan starts with {v}."),
            "{v} to start with, good.",
            "log_training",
            "km",
            "kilometres",
        ),
    ),
    offers=(
        Offer(
            "is there a campsite by the river with free pitches",
            "{v} has one left. Do you want it?",
            "Reserved at {v}.",
            ("Camp Willow", "Riverside Park", "Happy Beaver", "Camping Stella"),
            "reserve_pitch",
            "campsite",
        ),
        Offer(
            "we need a car for the move",
            "I could give you {v}, it has a tow bar. OK?",
            "{v} is reserved for you.",
            ("the Ford Transit", "the VW Caddy", "the Fiat Ducato", "the Opel Vivaro"),
            "rent_van",
            "car",
        ),
        Offer(
            "When could the electrician come?",
            "He could come at {v}. Is that fine?",
            "The electrician comes at {v}.",
            ("6pm", "9:45", "11am"),
            "schedule_electrician",
            "time",
        ),
        Offer(
            "what colour does the sofa come in?",
            "We have it in {v}. Shall I order that one?",
            "Ordered in {v}.",
            ("dark red", "olive", "charcoal", "cream"),
            "order_sofa",
            "colour",
        ),
        Offer(
            "recommend a novel for the beach",
            "Try {v}. Do you want me to order it?",
            "I ordered {v}.",
            ("Atonement", "Middlesex", "Piranesi", "Circe"),
            "order_book",
            "title",
        ),
        Offer(
            "We need a queue for the background jobs.",
            "I suggest {v}. Should I add it?",
            "{v} is added.",
            ("Celery", "RabbitMQ", "Kafka", "NATS"),
            "install_package",
            "package",
        ),
    ),
    facts=(
        Fact(
            ("my brother studies in {v}", "my little brother studies in {v}, he loves it"),
            "he studies in {v}",
            "Student life there is fun, I hear.",
            ("Leeds", "Cardiff", "Bristol", "York"),
        ),
        Fact(
            ("our cat {v} is sick", "Our cat is called {v} and she sleeps all day"),
            "the cat is called {v}",
            "Poor thing, cats do need rest.",
            ("Mimi", "Cleo", "Nala", "Misty"),
        ),
        Fact(
            ("i grew up on {v}", "I grew up on {v}, by the way"),
            "i grew up on {v}",
            "That sounds like a special childhood.",
            ("Malta", "Crete", "Corsica", "Madeira"),
        ),
        Fact(
            ("i can't eat {v}", "just so you know, i can't eat {v}"),
            "i can't eat {v}",
            "I'll remember that for recipes.",
            ("gluten", "walnuts", "eggs", "mushrooms"),
        ),
        Fact(
            ("my daughter is doing {v} now", "My daughter is crazy about {v}."),
            "my daughter is doing {v}",
            "Sport is great at that age.",
            ("judo", "fencing", "hockey", "rowing"),
        ),
        Fact(
            ("i drive {v}", "I drive {v}, an old one"),
            "i drive {v}",
            "They last long.",
            ("a Volvo", "a Saab", "a Skoda", "a Mazda"),
        ),
    ),
    pools={
        "count": ("3", "5", "7", "9", "12"),
        "weekday": ("Tuesday", "Thursday", "Saturday", "Sunday"),
        "date": ("June 3rd", "June 8th", "June 12th", "October 17th", "October 23rd"),
        "time": ("6pm", "9:45", "11am", "20:15"),
        "size": ("39", "41", "42.5", "size 38"),
        "colour": ("dark red", "olive", "orange", "navy blue"),
        "code": ("INC-3071", "INC-3017", "T40988", "T40998", "77-415-2"),
        "amount": ("€300", "€350", "€85", "€1,500"),
        "branch": ("eu-west-1", "us-east-2", "staging", "ap-south-1"),
        "name": ("Louisa", "Grandpa Joe", "Marek", "Ines"),
        "place": ("Leipzig", "Krakow", "Valencia", "Turin"),
    },
    acks=("Understood.", "Done so.", "Of course, no problem.", "Thanks, I've taken that down.", "Fine, just a second."),
    yes=("great, do that", "hm ok", "Yes, that would be wonderful.", "deal"),
    who=("my husband", "the organiser", "my colleague", "Julia", "the accountant", "mum"),
    side="""how do i descale a kettle? | Fill it with water and vinegar, boil it and let it stand.
I have such a headache today | I'm sorry. Fresh air and a glass of water might help.
what's a good name for a book club | How about Page Turners?
The bus was full again this morning. | Rush hour can be tiring.
can you recommend some jazz to work to? | Bill Evans is a calm choice.
where's the nearest post office | There is one on Station Road, next to the bakery.
my plants keep dying | Perhaps they get too much water, let the soil dry in between.
note that the spare key is at the neighbour's | Okay, the spare key is at the neighbour's.
what does the abbreviation RSVP mean? | It asks the guest for a reply.
we ran out of dishwasher tabs | I can add dishwasher tabs to the list.
is it going to snow in the alps | Forecasts say there will be fresh snow above the tree line.
ok cool | Glad to hear it.
How do I cite a website in a paper? | Name the author, the title, the address and the day of access.
what's the difference between barolo and barbaresco | Both are nebbiolo, Barolo is usually the heavier one.
the kids want to build a treehouse | Pick a strong tree and don't drill into the main branches.
my screen flickers sometimes | Check the cable first, then the refresh rate.
i'd like to learn to juggle haha | Start with scarves, they fall slowly.
Do you know when the museum was built? | It was built in the late nineteenth century.""",
)
