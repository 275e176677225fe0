"""What people say when they put something right: English wordings by kind, a line each.

`{new}` and `{old}` are the values, `{slot}` is what the value is called, `{fact}` the whole statement with the new value, `{who}` somebody
else. A wording of `same message` takes the place of the value in the first statement, or, after a `+`, is said behind it. In
`rejected offer` a wording without `{new}` leads to a second offer, which is taken.
"""

from __future__ import annotations

WORDS: dict[str, str] = {
    "direct": """no, {new}
nope, {new}
no no, {new}
no. {new}.
No, {new} please
nah {new}
wrong, it's {new}
that's wrong, {new}
not {old}, {new}
{new}, not {old}
sorry, {new}
oops i meant {new}
I meant {new}, my mistake
hm no... {new} actually
{new}!! not {old}""",
    "named": """change the {slot} to {new}
please change the {slot} to {new}
Could you set the {slot} to {new} instead?
the {slot} should be {new}
the {slot} is {new}, not {old}
can u make the {slot} {new}
correction: the {slot} is {new}
I got the {slot} wrong, it's {new}
You have the {slot} wrong. It is {new}.
pls update {slot} to {new}
switch the {slot} from {old} to {new} please
as for the {slot}: {new}, not {old}
Sorry to bother you again, but I'd like the {slot} changed to {new} if that's possible.
{slot}: {new} (i mistyped)""",
    "same message": """{old}, sorry, {new}
{old}, no, {new}
{old}... no wait, {new}
{old} - I mean {new}
{old}, or rather {new}
{old} (sorry, {new})
{old}, oops, {new}
{old}, ah no, make that {new}
{old} err {new}
{old}, scratch that, {new}
{old}, actually {new}
+. Sorry, I meant {new}.
+... oh wait, {new}
+, no sorry {new} not {old}""",
    "rejected offer": """no thanks, {new} please
nah, i'd rather have {new}
not {old}, please. Is {new} possible?
hmm no. what about {new}?
I don't like {old}. Let's go with {new}.
not convinced, take {new}
{old} is not for me, {new} then
Thank you, but I would prefer {new} if it is available.
no, anything else?
not that one. other options?
I'd rather not. What else do you have?
hm i had bad experiences with that, something else pls
nope, next one
Thanks, but that is not quite what I had in mind. Is there an alternative?""",
    "changed date/time": """can we move it to {new}?
could you move that to {new}
let's make it {new} instead
I can't make {old}, {new} would work
{new} works better for me
something came up on {old}. {new} please
please reschedule to {new}
push it to {new} pls
move it from {old} to {new}
{old} doesn't work after all, so {new}
Would it be possible to have it at {new} instead? Sorry for the trouble.
need to shift this to {new}
hmm {old} is bad, {new}?
it has to be {new} now""",
    "free talk": """actually {fact}, not {old}
sorry i said {old}, it's {new}
oh, i wrote {old}, meant {new}
wait, {fact}. not {old}, i always mix that up
Correction, {fact}.
lol no it's {new}, not {old}
i was wrong earlier: {fact}
not {old} by the way, {new}
I should correct myself: {fact}, not {old}.
did i say {old}? i meant {new}
no wait. {fact}
haha i'm so tired, {fact} of course, not {old}
*{new}
ah, {new}, not {old}, typo""",
    "changed mind later": """thinking about it again, {new} for the {slot}
i changed my mind about the {slot}: {new}
About the {slot} from before: please make it {new} rather than {old}.
coming back to the {slot}, we'd prefer {new} now
one more thing, the {slot}... {new} after all
ok so my wife convinced me, {slot} is {new} now
on second thought {new} instead of {old}
forget {old}, let's do {new}
Earlier I told you {old}. It should be {new}.
hey about that {slot}, can it still be {new}?
I've been thinking: {new} would be better than {old}. Please change it.
scrap what i said about {old}, {new} it is
by the way not {old} anymore, {new}
for the {slot} we settled on {new} in the end""",
    "third party": """{who} just wrote that it's {new}, not {old}
{who} says it's {new}
{who} just told me it's {new} and not {old}
just heard from {who}, it's {new} now
{who} called, we need {new} instead of {old}
apparently {who} wants {new}
hm, {who} insists on {new}
according to {who} it has to be {new}
{who} corrected me, it's {new}
I have just had a message from {who}: it should be {new} rather than {old}.
{who} is saying {new}, so not {old}
{who} texted. {new}!
oh, {who} thinks {old} is wrong, it's {new}
got an email from {who}, the {slot} is {new}""",
}
