"""English wordings of this part, see dev/words.py."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "direct": """wait no, {new}
I said that wrong. {new}.
hold on, it's {new}
My apologies, it is in fact {new}.
argh, {new}, not {old}
uh no i need {new}
{new} please, {old} was a mistake
that should have been {new}
no no no. {new}!
I misspoke, {new}
not quite, {new}
you misunderstood me, {new}
ehm... {new}
it's not {old}, it's {new}""",
    "named": """{slot} must be {new}
can you fix the {slot}? it's {new}
for the {slot} please use {new}
Please correct the {slot}: {new}.
you put the wrong {slot}, i need {new}
use {new} as the {slot}
I'd like to amend the {slot} to {new}, thanks.
hey the {slot} isn't {old} but {new}
{new} is the right {slot}
Would you mind adjusting the {slot}? It needs to be {new}.
modify {slot}: {new}
edit the {slot} -> {new}
There's an error in the {slot}. The right value is {new}.
replace the {slot} with {new}""",
    "same message": """{old} - no, {new}
{old}, hmm, {new}
{old}, uh, {new}
{old}, wait, {new}
{old} oh sorry {new}
{old}... actually no, {new}
{old}, I beg your pardon, {new}
{old} or no, better {new}
{old}, correction, {new}
{old}, hang on, {new}
+. No wait, {new}.
+. Hm, on reflection {new}.
+ - sorry, make that {new}
+. Actually, change that to {new}.""",
    "rejected offer": """rather {new}, if you have it
{old}? no way. {new}.
I've been to {old} before, didn't like it. {new}?
we're leaning towards {new}
hmm, {new} sounds better to me
give me {new} instead
No. {new}.
nope. what else is there?
meh
I'm not keen on that. Could you suggest something different?
that doesn't appeal to me, show me another one
can you find something else? that's a bit too much for us
No, I'll pass on that one. Next suggestion?
thanks but no thanks, what about {new}""",
    "changed date/time": """could we do {new}?
is {new} still free? that'd be better
i'm tied up on {old}, how about {new}
Something has come up. Could you rebook it for {new}?
{new} suits me better
turns out i can't, let's say {new}
bring it forward to {new}
it got delayed, now it's {new}
postpone it to {new} please
I have to work, so it'll have to be {new}.
my plans changed, {new} please
delay it until {new}
we'd rather come at {new} if that's ok
{old} won't work for me anymore. {new} would.""",
    "free talk": """hmm, i think i told you {old} before, it's really {new}
no, {fact}. no idea why i said {old}
I have to correct something: {fact}.
sorry, brain fog. {fact}
oh dear, i meant {new} of course
my bad, {new}
well, technically {fact}
wait did i write {old}? {new}!
Just to be accurate, {fact}.
nonsense, {new}! what am i saying
hang on, i got that mixed up, {fact}
typo: {new}
ugh autocorrect. {new} not {old}
{fact} now, by the way. used to be {old}""",
    "changed mind later": """you know, i'd prefer {new} for the {slot}
regarding the {slot}, please go for {new}
I've reconsidered. {new}, please, not {old}.
wait, remember the {slot}? let's do {new}
could you still change the {slot}? {new} is better
after all {new} would be nicer than {old}
about that {slot}... {new} pls
One correction to what I told you before: the {slot} is {new}.
can we go back to the {slot}? I want {new}
let's drop {old} and take {new}
I slept on it and {new} is what I want for the {slot}.
oh and the {slot} needs to change, {new}
hm the {slot}. {new} makes more sense
we decided against {old}, it'll be {new}""",
    "third party": """{who} tells me it should be {new}
{who} wants {new} instead
I asked {who}, and it's {new}
{who} reminded me that it's {new}, not {old}
turns out {who} prefers {new}
{who} is asking for {new} rather than {old}
{who} can't do {old}, only {new}
just got off the phone with {who}: {new}
{who} pointed out that {old} is wrong. {new}.
I got it wrong, {who} needs {new}
{who} would like {new}, can you change it?
{who} mailed me, the {slot} has changed to {new}
so i talked to {who} and now it's {new}
{who}: "make it {new}" """,
}
