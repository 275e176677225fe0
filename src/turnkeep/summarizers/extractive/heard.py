"""A message as far as later ones may take it back.

Invariant: it is what was said, never what became of it, but for the values that are marked as no longer true.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from turnkeep.summarizers.extractive.values import Value
from turnkeep.summarizers.extractive.words import ASKING, Token, listed

_BEGINNING, _SHORT = 8, 10  # words
_THANKS = listed("thanks thank danke gracias merci")
WISHED = listed(
    "please pls i'd i'll need want like book order send put set get give remind add buy schedule ship deliver bitte brauche möchte hätte"
    " quiero necesito voudrais vorrei quero preciso пожалуйста хочу нужно أريد احجز could"
)
HELPING = listed(
    "else anything more help assist further otherwise noch weiteres sonst más algo autre autres altro ayudar aider 他 还 其他 another"
)
WISHED_UNSPACED = ("帮", "请", "我要", "我想", "订", "ください", "して", "お願い", "たい")


@dataclass(slots=True)
class Heard:
    """A message as far as later ones may take it back."""

    at: int
    by_user: bool
    text: tuple[str, str]  # as it was said, and without what is no prose
    words: list[Token]
    values: list[Value]
    asks: bool = False
    wants: bool = False  # it asks for something that it does not name
    who: str = ""  # in whose name it is told, if it is
    dead: list[Value] = field(default_factory=list)  # values that are no longer true
    wished: bool | None = None  # whether it asks for something to be done, once that is asked for
    ids: frozenset[str] = frozenset()  # of all values, once they are asked for

    def all_ids(self) -> frozenset[str]:
        """What the message's values are compared by."""
        if not self.ids and self.values:
            self.ids = frozenset([each for other in self.values for each in other.ids] + [v.day for v in self.values if v.day])
        return self.ids

    def tells(self, value: Value) -> bool:
        """Whether the message may hold the value: a quick look before a closer one."""
        ids = self.all_ids()
        return bool(value.day and value.day in ids) or not ids.isdisjoint(value.ids)

    def is_aside(self) -> bool:
        """Whether a message is about something else than what is being settled: thanks, or what is said by the way."""
        lows = [word.low for word in self.words]
        thanks = bool(lows) and lows[0] in _THANKS and len(lows) <= _SHORT
        return thanks or "by the way" in self.text[1].lower() or "übrigens" in lows

    def offers_help(self) -> bool:
        """Whether it asks if there is anything else."""
        return self.asks and not self.by_user and not HELPING.isdisjoint([word.low for word in self.words[-_SHORT:]])

    def is_asked_for(self) -> bool:
        """Whether the user asks for something to be done, by words that say so."""
        if self.wished is None:
            lows = {word.low for word in self.words[:_BEGINNING]}
            self.wished = not WISHED.isdisjoint(lows) or any(cue in self.text[1] for cue in WISHED_UNSPACED)
        return self.wished

    def asks_for_facts(self) -> bool:
        return bool(self.words) and self.words[0].low.partition("'")[0] in ASKING
