"""English wordings by kind, as in ../dev/words.py."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "direct": """no i said {new}
no, that should be {new}
Not quite: {new}.
that's not right. {new}
uh, {new}
No - {new}, thanks
{new} i meant
my bad, {new}
sry, {new} not {old}
I'm afraid that's incorrect, it should be {new}.
err no {new}
nooo {new}
it's {new} though
You misunderstood me, I said {new}, not {old}.
noo not {old} lol, {new}""",
    "named": """make the {slot} {new}
let's have {new} as the {slot}
{slot} needs to be {new} instead of {old}
I need to correct the {slot}: {new}
the {slot} was wrong, should read {new}
there's a mistake in the {slot}, it must be {new}
put {new} for the {slot} please
different {slot} please: {new}
wrong {slot}! {new}
Would you be so kind as to amend the {slot} to {new}?
the {slot} isn't {old}, it's {new}
edit {slot} -> {new}
replace {old} with {new} as the {slot}
hey the {slot} has to be {new}, i put {old} by accident""",
    "same message": """{old}, hmm no, {new}
{old}, wait, {new}
{old} no sorry {new}
{old}, my mistake, {new}
{old}, well, {new} to be exact
{old}—no, {new}—
{old}, uh I mean {new}
{old} oh no {new}
{old}, correction, {new}
{old} (no, {new}!)
{old}, let me think, no, {new}
+. Ah, no: {new}, not {old}.
+ - wait that's wrong, {new}
+. Hmm, {new} is better actually.""",
    "rejected offer": """rather not, could you do {new}?
{old}? no way, {new}
i'll pass on {old}. {new} sounds better
I'd go for {new} over {old}
let's skip that, {new} please
anything but {old}! maybe {new}?
had that last year, so {new} this time
That is very kind, however we'd like {new} better.
mm don't think so. got something different?
no good, show me another
That doesn't suit us. Could you suggest another one?
pass
hm not really my thing, what else?
thx but no, what else is there""",
    "changed date/time": """turns out {old} is a holiday, so {new} please
could we do {new} rather than {old}?
I'm running late, make it {new}
sorry, have to postpone to {new}
bring it forward to {new} please
is {new} still free? i'd take that instead
{old} won't work, how about {new}
I'd like to switch to {new}
reschedule pls, {new}
My meeting got moved. Would {new} be alright for you?
we need a different slot, {new}
cant do {old} anymore. {new} ok?
let's say {new}, {old} is too stressful
Unfortunately I have to ask you to change it to {new}.""",
    "free talk": """oh sorry, {fact}. {old} was before
hang on, {new}. why did i write {old}
my mistake, {fact}
autocorrect! {new}, not {old}
Well, strictly speaking {fact} and not {old}.
hm that's not true what i said, {fact}
let me fix that, {fact}
argh, {new} i mean
it isn't {old}, it's {new}. sorry!
what i said about {old} is outdated, {fact}
{new} rather, not {old}
no idea why i said {old}, {fact}
edit: {fact}
I misspoke: {fact}""",
    "changed mind later": """you know what, let's go with {new} for the {slot}
slight change of plan: {new} as {slot}, no longer {old}
we talked it over and want {new}, not {old}
Regarding what I asked first, would you kindly change {old} to {new}?
re {slot}: now {new}
can i still change the {slot}? {new} would be great
hmm i'm not so sure about {old} anymore. {new} please
i slept on it. {new}.. {old} was a silly idea
going back to the {slot}: we'd rather have {new}
ah and that {slot}, better {new}
I take back {old}, {new} please
actually could the {slot} become {new}?
instead of {old} as I said at the start, {new}
final answer for the {slot}: {new}""",
    "third party": """{who} has {new} in the papers, not {old}
turns out {who} meant {new}
asked {who}, it's {new}
{who} says no to {old}, it'll be {new}
my mistake, {who} said {new}
{who} checked and it must be {new}
{who} asks for {new} instead
{who} prefers {new} so let's do that
wait {who} says {old} is outdated, {new}
I was informed by {who} that it is in fact {new}.
{who} says {new} is the right one
new info from {who}: {new}
{who} wrote me {new}??? ok then {new}
{who} reminded me that the {slot} is {new}""",
}
