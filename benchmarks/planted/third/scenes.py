"""What the English talks of this part are about, see dev/scenes.py."""

from __future__ import annotations

from benchmarks.planted.parts import Fact, Half, Offer, Scene

ENGLISH = Half(
    scenes=(
        Scene(
            "number of tickets",
            "count",
            ("can you get {v} for the musical", "I'd like {v} for the opera tonight."),
            "{v} for the show, coming up.",
            "buy_tickets",
            "quantity",
            "tickets",
        ),
        Scene(
            "number of chairs",
            "count",
            ("set up {v} in the meeting room", "We need {v} for the workshop."),
            "{v}, I'll tell facilities.",
            "request_furniture",
            "chairs",
            "chairs",
        ),
        Scene(
            "pickup day",
            "weekday",
            ("the parcel can be collected on {v}", "Schedule the parcel pickup for {v}."),
            "Pickup on {v}.",
            "schedule_pickup",
            "day",
        ),
        Scene(
            "check-in date",
            "date",
            ("i want to check in at the spa on {v}", "Please book the spa resort from {v}."),
            "Arrival on {v}, noted.",
            "book_resort",
            "check_in",
        ),
        Scene(
            "departure time",
            "time",
            ("taxi to the airport at {v}", "I need a cab for the airport run at {v}, please."),
            "A cab at {v}.",
            "book_taxi",
            "pickup_time",
        ),
        Scene(
            "fabric",
            "fabric",
            ("i'd like the sofa cover in {v}", "Could you quote me the armchair in {v}?"),
            "{v} is a popular choice.",
            "create_quote",
            "material",
        ),
        Scene(
            "serial number",
            "code",
            ("my washing machine with serial {v} is broken", "Hi, the serial of my dryer is {v} and it won't start."),
            "Thank you, looking up {v}.",
            "lookup_device",
            "serial",
        ),
        Scene(
            "budget",
            "amount",
            ("we can spend {v} on the garden party", "Our limit for the garden party is {v}."),
            "With {v} we can do a lot.",
            "plan_party",
            "budget",
        ),
        Scene(
            "environment",
            "env",
            ("deploy the api to {v}", "Please roll out the new build on {v}."),
            "Deploying to {v}.",
            "deploy",
            "target",
        ),
        Scene(
            "contact person",
            "name",
            ("put {v} down as the contact for the delivery", "The delivery should go to {v}."),
            "{v} will be the contact.",
            "update_delivery",
            "contact",
        ),
        Scene(
            "airport",
            "place",
            ("find a cheap flight to {v} in autumn", "we'd love to see {v}, can you check flights"),
            "Flights to {v}, one second.",
            "find_flights",
            "to",
        ),
        Scene(
            "milk",
            "milk",
            ("one flat white with {v}", "I'll have a latte with {v}, to go."),
            "A coffee with {v}.",
            "order_coffee",
            "milk",
        ),
        Scene(
            "shipping method",
            "ship",
            ("ship the books via {v}", "Please send the three books by {v}."),
            "{v} then.",
            "ship_order",
            "method",
        ),
    ),
    offers=(
        Offer(
            "I need a place to stay for my trip",
            "I can offer you {v}. Would you like to reserve?",
            "You're all set at {v}.",
            ("Grand Plaza", "the Riverside Lodge", "Hostel Nomad", "Villa Rosa"),
            "reserve_room",
            "property",
        ),
        Offer(
            "what should we watch tonight",
            "You might enjoy {v}. Want me to start it?",
            "Starting {v}.",
            ("Amelie", "Inception", "Parasite", "Casablanca"),
            "play_movie",
            "title",
        ),
        Offer(
            "when can i come in for a haircut",
            "We have {v} free. Would that work?",
            "See you at {v}.",
            ("9:15", "11:40", "15:30", "17:45"),
            "book_slot",
            "time",
        ),
        Offer(
            "i need a rental car for next week",
            "We have {v} available at a good price.",
            "{v} is reserved.",
            ("a Fiesta", "a Golf", "a Corolla", "a Tesla"),
            "reserve_car",
            "model",
        ),
        Offer(
            "recommend a hosting plan for my shop",
            "{v} would fit your traffic. Should I activate it?",
            "{v} is active.",
            ("Starter", "Business Pro", "Cloud Max"),
            "activate_plan",
            "tier",
        ),
    ),
    facts=(
        Fact(
            ("my daughter is {v} years old", "my daughter just turned {v}"),
            "my daughter is {v}",
            "They grow so fast!",
            ("7", "9", "12", "14"),
        ),
        Fact(
            ("we're getting married in {v}", "the wedding is in {v}, can't wait"),
            "the wedding is in {v}",
            "How exciting!",
            ("May", "July", "September"),
        ),
        Fact(
            ("i drive a {v}", "my car is a {v} and i adore it"),
            "my car is a {v}",
            "Good car.",
            ("Volvo", "Renault", "Mazda", "Skoda"),
        ),
        Fact(
            ("i studied {v} at university", "Back then I studied {v}"),
            "i studied {v}",
            "Interesting subject.",
            ("physics", "law", "history", "chemistry"),
        ),
        Fact(
            ("i'm from {v} originally", "i grew up in {v}, a lovely place"),
            "i'm from {v}",
            "I've heard it is beautiful.",
            ("Cork", "Galway", "Limerick", "Kilkenny"),
        ),
        Fact(
            ("my favourite colour is {v}", "i love {v}, it's my favourite colour"),
            "my favourite colour is {v}",
            "A nice one.",
            ("green", "purple", "orange", "turquoise"),
        ),
    ),
    pools={
        "count": ("2", "3", "5", "7", "9", "12"),
        "weekday": ("Tuesday", "Thursday", "Saturday"),
        "date": ("June 3rd", "June 12th", "June 28th", "October 5th", "October 17th"),
        "time": ("6am", "5:45", "9pm", "14:20"),
        "fabric": ("linen", "velvet", "leather", "corduroy"),
        "code": ("WM-48213", "WM-48231", "ZX9004", "ZX9040", "7741-20"),
        "amount": ("$800", "$950", "€1,500", "€2,000"),
        "env": ("staging", "production", "qa-3", "eu-west"),
        "name": ("Julia Brandt", "Omar Haddad", "Keiko", "Ms. Lindqvist"),
        "place": ("Lisbon", "Kraków", "Malta", "Naples"),
        "milk": ("oat milk", "soy milk", "almond milk", "skimmed milk"),
        "ship": ("courier", "express", "standard mail", "sea freight"),
    },
    who=("my husband", "our manager", "the vet", "Sofia", "my colleague", "he"),
    acks=("Understood.", "Will do.", "Thank you for letting me know.", "Of course.", "No problem at all."),
    yes=("yes, that one", "great, let's do that", "ok perfect", "that works"),
    side="""how far is the moon | About 384,000 kilometres.
is it safe to freeze cooked rice? | Yes, if you cool it quickly first.
my phone battery drains so fast lately | Background apps are often the cause, check the usage list.
what's a synonym for stubborn | Obstinate would be one.
can cats eat cheese? | A little is fine, but most cats do not digest it well.
I think the heating is making noises again | Bleeding the radiators may help.
who painted the girl with the pearl earring | That was Johannes Vermeer.
i can't sleep, any tips | Keep the room cool and put the screen away early.
what does RSVP stand for? | Répondez s'il vous plaît, please reply.
my plants keep dying | Perhaps they get too much water.
how do I get a stain out of the carpet | Dab it with cold water and a bit of vinegar.
is there a way to mute a group chat | Open its settings and choose mute.
tell me a fun fact | Octopuses have three hearts.
What's the difference between jam and marmalade | Marmalade is made of citrus fruit with its peel.
i should really exercise more | Even a short walk every day makes a difference.
why is the sky blue? | Air scatters blue light more strongly.
the wifi in the kitchen is bad | A repeater in the corridor could fix that.
cheers, that's good to know | Any time!""",
)
