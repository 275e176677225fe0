"""English wordings of this part, see dev/words.py."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "direct": """{new}, sorry about that
Incorrect. It's {new}.
hmm that's not right, {new}
No, no, {new} is what I asked for
i actually need {new}
oh. {new}
make that {new}
wait it's {new}!
you got that wrong, {new} please
Actually, {new}.
{old} isn't right. {new}
eh, {new} i think
Let me correct that: {new}.
no i said {new}""",
    "named": """{slot} is supposed to be {new}
change {slot}, should be {new}
wrong {slot}! {new}
let's use {new} for the {slot}
the correct {slot} would be {new}
Sorry, could you put {new} for the {slot}?
please enter {new} under {slot}
I gave you the wrong {slot}. Please take {new}.
small fix: {slot} {new}
hey can we have {new} as {slot}
The {slot} you noted is not right, it has to be {new}.
adjust {slot} from {old} to {new}
regarding {slot}: not {old}, {new} please
set {slot} = {new}""",
    "same message": """{old}... scratch that... {new}
{old}, no wait a second, {new}
{old} hm no {new}
{old} - sorry - {new}
{old} argh {new}
{old}, I meant {new}
{old}, nope, {new}
{old}, well, better {new}
{old} no no {new}
{old} -- wait, it's {new}
+. Oh no, sorry, {new}!
+. Wait, {new} is better.
+, or actually {new}
+. Correction: {new}.""",
    "rejected offer": """we'd be happier with {new}
{new} would be my choice
oh no, not {old} again. {new} please
I think {new} is a better fit
can't we have {new}?
no, {new}
Do you have {new}? I'd take that.
something other than {old} please
that one's not for me. what else?
No thanks. Do you have another suggestion?
hmm... not really my thing
try again
I'm afraid that won't do. Anything different?
nah. next""",
    "changed date/time": """change of plans, {new}
is {new} possible as well? i can't otherwise
please put it on {new}, not {old}
can it be {new}
sorry, {new} after all
the meeting moved, so {new} please
make it {new}, {old} is taken already
I double-booked myself, can we do {new}
I'll be late, so better {new}
rebook for {new}
we need to switch to {new} because of the kids
Unfortunately {old} is impossible for me. What about {new}?
would {new} be ok too? i'd like to change
how about we do {new} instead of {old}""",
    "free talk": """correction: {new}, my memory is bad
oh wait, {fact}
i said {old} but it's {new}
Sorry, I confused that, {fact}.
{old}?? i meant {new} lol
no sorry, {new}
it's actually {new}, i was thinking of something else
To be precise, {fact}.
hmm no, {fact}, {old} was years ago
forgive me, {new}, not {old}
{new} i mean
scrap that, {fact}
wait no {new}
I need to take that back. {fact}.""",
    "changed mind later": """can I still switch the {slot} to {new}?
{new} for the {slot}, final answer
i'd like {new} now instead of {old}
hmm, about the {slot}: {new} after all
we talked about the {slot}, please make it {new}
Having thought about it, {new} suits us better than {old}.
ok forget what i said, {new} for the {slot}
Would it be a problem to change the {slot}? We would like {new}.
{old} was a bad idea, {new} please
by the way the {slot} is now {new}
one thing about the {slot}, {new} is nicer
back to the {slot}, i'm going with {new}
No {old} after all, but {new}.
let me revise the {slot}: {new}""",
    "third party": """{who} thinks {new} is better
{who} corrected it to {new}
had a chat with {who}, we'll take {new}
my mistake, {who} says {new}
{who} would rather have {new} than {old}
{who} told me {old} was wrong and it's {new}
Per {who}, please use {new}.
{who} changed it to {new}
now {who} wants it to be {new}
{who} has decided on {new}
I checked with {who}: {new}, not {old}.
{who} just informed me that the {slot} is {new}
{who} sent me a message, {new} it is
{who} doesn't want {old}. {new} please.""",
}
