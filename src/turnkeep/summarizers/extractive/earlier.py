"""What was said lately, and what a new word of the user makes untrue of it.

Invariant: the newest word of the user wins, and only a value of the same kind is replaced: a date by a date, nights by nights. Where
several could be meant, nothing is until the next words of the assistant, or the next call of a tool, tell which one is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from turnkeep.summarizers.extractive import changes, contrast, cues
from turnkeep.summarizers.extractive.contrast import alike, content, family, key, kin
from turnkeep.summarizers.extractive.heard import Heard
from turnkeep.summarizers.extractive.records import ANY, PLACE
from turnkeep.summarizers.extractive.replies import BARE, slot
from turnkeep.summarizers.extractive.values import CODE, DATE, NAME, NUMBER, QUOTE, TIME, WORD, Value
from turnkeep.summarizers.extractive.words import Token, listed

Slots: TypeAlias = set[tuple[str, str]]
_NEAR = 24  # messages back
_REACH = 10  # messages back, for what no kind tells apart
_SOON = 4  # messages until it shows which of several was meant
_REMEMBERED = 60  # values of earlier summaries
_PAIR = 2  # names, and the characters between them
_LATELY = 8  # messages back, for plain words
_FEW = 3  # runs of telling words of a statement whose last one is taken to be what matters
_WHENS = frozenset({DATE, TIME})
NAMES = frozenset({NAME, CODE, QUOTE})
_KEY = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+")


class _Open(NamedTuple):
    """A correction that several values could be meant by."""

    at: int
    new: Value
    candidates: list[Value]


class Earlier:
    """The messages said lately, the newest last."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._by_id: dict[str, list[Heard]] = {}  # of values
        self.echo = -1  # where the assistant last said something in few words, without asking
        self._recalled: list[tuple[int, str, str]] = []
        self.tools = False  # called so far: then they tell what is meant
        self._open: _Open | None = None
        self._taken: set[str] = set()
        self._named: set[str] = set()  # by the user
        self._given: list[
            tuple[frozenset[str], frozenset[str], str]
        ] = []  # to tools: words of the name, ids of the value, itself

    def add(self, heard: Heard) -> None:
        self.heard.append(heard)
        for each in heard.all_ids():
            self._by_id.setdefault(each, []).append(heard)
        if heard.by_user:
            self._named.update([key(value) for value in heard.values if value.kind in NAMES])
        if len(self.heard) > _NEAR:
            self._forget(self.heard.pop(0))

    def _forget(self, oldest: Heard) -> None:
        for each in oldest.all_ids():
            if len(left := self._by_id[each]) > 1:
                del left[0]
            else:
                del self._by_id[each]

    def settle_before(self, at: int) -> None:
        """What was agreed on and done stays: later words are about something else."""
        while self.heard and self.heard[0].at < at:
            self._forget(self.heard.pop(0))
        self.settled_at = at

    def _telling(self, value: Value) -> Iterator[Heard]:
        """The messages that may hold a value, some of them more than once."""
        known = self._by_id
        for each in value.ids:
            yield from known.get(each, ())
        if value.day:
            yield from known.get(value.day, ())

    def take(self, values: Iterable[Value]) -> None:
        """What the user agreed to, or a tool was given: no mere offer any more."""
        self._taken.update(key(value) for value in values if value.kind in NAMES)
        while len(self._taken) > 4 * _REMEMBERED:
            self._taken.pop()

    def give(self, name: str, value: str, ids: Iterable[str]) -> None:
        """What a tool was given as what."""
        words = frozenset(word.casefold().removesuffix("s") for word in _KEY.findall(name))
        self._given.append((words, frozenset(ids), value))
        del self._given[:-_NEAR]

    def was_given(self, ids: set[str], names: set[str] | None = None) -> bool:
        """Whether a tool was given a value lately, as one of these names."""
        return any(
            not ids.isdisjoint(given) and (names is None or not words.isdisjoint(names)) for words, given, _ in self._given
        )

    def given_texts(self) -> list[str]:
        return [value for _, _, value in self._given]

    def recall(self, at: int, slots: Iterable[tuple[str, str]]) -> None:
        """Values that an earlier summary tells; `at` is less than 0."""
        self._recalled += [(at, kind, old) for kind, old in slots]
        del self._recalled[:-_REMEMBERED]

    def known(self, value: Value) -> bool:
        """Whether something was said lately."""
        mine, told = family(value), slot(value)
        if told is not None and any((kind, old) == told for _, kind, old in self._recalled):
            return True
        return any(_same(other, value, mine) for one in self._telling(value) for other in one.values)

    @property
    def newest(self) -> Heard | None:
        """What the assistant just said."""
        return self.heard[-1] if self.heard and not self.heard[-1].by_user else None

    # --- what becomes untrue

    def gone(self, at: int, values: Iterable[Value]) -> Slots:
        """Everything that tells one of the values, as slots."""
        out: Slots = set()
        for value in values:
            out |= slots(value)
            mine = family(value)
            for one in self._telling(value):
                out |= {(PLACE, f"{at - one.at}:{other.start}") for other in one.values if _same(other, value, mine)}
        return out

    def changed(self, at: int, heard: Heard, old: list[Value], new: str) -> list[tuple[str, str]]:
        """The marks on all that tells `old`, a run of a message's values: the user's words and calls; the assistant's are let go."""
        out = [changes.place(at - heard.at, old[0].start, old[-1].end, new)]
        for one in self.heard:
            for run in _runs_like(old, one):
                if not one.by_user:
                    out += [(PLACE, f"{at - one.at}:{value.start}") for value in run]
                elif one is not heard:
                    out.append(changes.place(at - one.at, run[0].start, run[-1].end, new))
        return out + self.given(at, heard, old, new)

    def given(self, at: int, heard: Heard, old: list[Value], new: str) -> list[tuple[str, str]]:
        """The marks on the calls that were given what a run of a message's values says, after that message."""
        first = old[0]
        if first.kind in {DATE, TIME}:
            return [changes.given(at - heard.at, [each], new) for each in first.ids]
        return [changes.given(at - heard.at, [each for value in old for each in value.ids], new)]

    def count(self, at: int, values: list[Value]) -> Slots:
        """The newest mention of a number by the user."""
        for one in reversed(self.heard):
            same = [other for other in one.values for value in values if one.by_user and _same(other, value, NUMBER)]
            if same:
                return {(PLACE, f"{at - one.at}:{same[-1].start}")}
        return set()

    def replaced(self, at: int, values: list[Value], said: list[Token], *, single: bool, likely: Sequence[Value] = ()) -> Slots:
        """What the values of a correcting sentence replace.

        `single`: the message says nothing else; `likely`: the words that they replace by all signs together.
        """
        told = content(values)
        out: Slots = set()
        words = [value for value in told if family(value) == WORD]
        for kind in (DATE, TIME, NUMBER):
            mine = [value for value in told if value.kind == kind]
            for value in mine:
                if kind != NUMBER or contrast.unit(value) or (len(mine) == 1 and (single or len(told) < _FEW)):
                    out |= self._chosen(at, value, self._last(at, value), mine)
        names = [value for value in words if value.kind != WORD]
        if len(names) == _PAIR and names[1].start - names[0].end == _PAIR:  # "Toronto, Canada"
            names = names[:1]
            told = [value for value in told if value.kind == WORD or value.start <= names[0].start]
        if len(names) == 1 and (single or (len(told) < _FEW and names[0] is told[-1])):
            found, names = self._name(at, names[0], said, single), names[:1]
            if not likely and not self._is_near(at, found, names[0], words):
                return out
        elif words and single and not names and _one_run(words):
            found, names = self._word(at, words), words
            found = found if likely else [value for value in found if kin(value, words[-1])]  # else a guess, for a mark
        else:
            return out
        if likely and not any(contrast.among(value, likely) for value in found):
            return out
        return out | self._chosen(at, names[-1], found, names)

    def _is_near(self, at: int, old: list[Value], new: Value, words: list[Value]) -> bool:
        """Whether it is likely enough that a name is about another one: just said, and nothing else told with it."""
        if any(kin(value, new) for value in old):
            return True
        others = any(value.kind == WORD and not cues.meaning(value.ids[0]) for value in words)
        return not others and any(at - one.at <= _SOON and value in one.values for one in self.heard for value in old)

    def reworded(self, at: int, words: list[Value]) -> Slots:
        """What mere everyday words replace."""
        return self._chosen(at, words[-1], self._word(at, words), words) if _one_run(words) else set()

    def _chosen(self, at: int, new: Value, old: list[Value], kept: list[Value]) -> Slots:
        """The slots of what is replaced, if it is clear what that is."""
        stay = {key(value) for value in kept}
        old = [value for value in old if key(value) not in stay]
        if len({key(value) for value in old}) > 1 and new.kind != WORD:
            self._open = _Open(at, new, old)
            return set()
        if not old and (found := slot(new)) is not None:
            return self._of_summary(found)
        return self.gone(at, old)

    def _of_summary(self, new: tuple[str, str]) -> Slots:
        last = -(10**6)
        out: Slots = set()
        for where, kind, old in self._recalled:
            if kind == new[0] and old != new[1] and where >= last:
                out = {(kind, old)} if where > last else out | {(kind, old)}
                last = where
        return out if len(out) == 1 else set()

    def _last(self, at: int, new: Value) -> list[Value]:
        """The values of the kind in the newest message that has others of it than the new one."""
        reach = _NEAR if new.kind != NUMBER or contrast.unit(new) else _REACH
        for one in reversed(self.heard):
            found = [value for value in one.values if alike(new, value)]
            if new.kind == NUMBER and not one.by_user:
                found = [value for value in found if (one.asks and one is self.newest) or self.said_by_user(value)]
            if found and at - one.at <= reach:
                turned = [value for value in found if sorted(value.ids[0]) == sorted(new.ids[0]) and new.kind == NUMBER]
                if turned and len(new.ids[0]) > _FEW:
                    return turned
                units = [value for value in found if contrast.unit(value) and contrast.same_unit(new, value)]
                return units or found
        return []

    def _name(self, at: int, new: Value, words: list[Token], single: bool) -> list[Value]:
        """The name that a name replaces: the only one that the assistant just said, or the user did."""
        for one in reversed(self.heard):
            like = [value for value in one.values if kin(value, new)]
            if like:
                return like[-1:]
        near = True
        for one in reversed(self.heard):
            if one.by_user and not self.tools and (one.is_aside() or one.asks_for_facts()):
                continue
            found = [value for value in one.values if value.kind in NAMES and alike(new, value)]
            same = [value for value in found if value.kind == new.kind] or found
            if not one.by_user:
                same = [value for value in same if self.said_by_user(value) or (one.asks and one is self.newest)]
            same = [value for value in same if not _other_role(new, value, words, one.words)]
            if same and (one.by_user or len({key(value) for value in same}) == 1):
                return same if near or not self.tools else self._all_names(new)
            near = near and not one.by_user
        return self._word(at, [new]) if single else []

    def _all_names(self, new: Value) -> list[Value]:
        """What the user named lately: which of it a new name replaces shows later, unless it is one."""
        return [value for one in self.heard if one.by_user for value in one.values if value.kind in NAMES and alike(new, value)]

    def _word(self, at: int, new: list[Value]) -> list[Value]:
        """The plain word that plain words replace: one of their like; else what the assistant said back; else the last one."""
        for one in reversed(self.heard):
            like = [value for value in one.values if kin(value, new[-1])]
            if like:
                return like[-1:]
        stated = [
            one
            for one in self.heard
            if one.by_user and not one.asks and content(one.values) and (self.tools or not one.is_aside())
        ]
        for one in reversed(stated[-_FEW:]):
            runs = contrast.runs([value for value in content(one.values) if value.kind == WORD or new[-1].kind != WORD])
            after = next((each for each in self.heard if each.at == one.at + 1 and not each.by_user), None)
            said = after.values if after is not None else []
            echoed = [run for run in runs if any(_same(other, value, WORD) for other in said for value in run)]
            if len(echoed) == 1:
                return echoed[0]
        if not stated or self.tools or at - stated[-1].at > _LATELY:
            return []
        runs = contrast.runs([value for value in content(stated[-1].values) if value.kind == WORD])
        return runs[-1] if runs and len(runs) <= _FEW else []

    # --- which of several was meant

    def settled(self, at: int, values: list[Value]) -> Slots:
        """What a correction left open, when the new values are said with what stays: what is no longer said is gone."""
        found = self._open
        if found is None:
            return set()
        if at - found.at > _SOON + 2:
            self._open = None
            return set()
        said = {key(value) for value in values}
        if key(found.new) not in said and not any(_same(value, found.new, family(found.new)) for value in values):
            return set()
        left = [value for value in found.candidates if not any(_same(value, other, family(value)) for other in values)]
        if len({key(value) for value in left}) != 1:
            return set()
        self._open = None
        return self.gone(at, left)

    def not_taken(self, values: list[Value], *, chooses: bool) -> list[Value]:
        """Alternatives of the assistant's last words beside the one that the user names, never named by the user.

        `chooses`: the user neither asks nor refuses, so that one line of a list is taken and the others are not.
        """
        last = self.newest
        if last is None:
            return []
        out: list[Value] = []
        for value in values:
            if value.kind == WORD or (value.kind == NUMBER and not contrast.unit(value)) or key(value) == "1":
                continue
            for own in last.values:
                if own.kind == value.kind and _same(own, value, family(value)):
                    others = [other for other in last.values if other.kind == own.kind and alike(own, other)]
                    out += [
                        other
                        for other in others
                        if (_alternative(last, own, other) or (chooses and last.asks and _listed_apart(last, own, other)))
                        and not self.said_by_user(other)
                    ]
        taken = {key(value) for value in values}
        return [value for value in out if key(value) not in taken]

    def around(self, at: int, others: list[Value]) -> Slots:
        """What the assistant said of the alternatives that the user left: all from the joining word before each to its end."""
        last = self.newest
        out: Slots = set()
        if last is None:
            return out
        for other in others:
            if other not in last.values:
                continue
            if (line := _line(last, other)) is not None:
                out |= {(PLACE, f"{at - last.at}:{value.start}") for value in last.values if line[0] <= value.start < line[1]}
            joins = [word.start for word in last.words if word.low in _AND and word.end <= other.start]
            start = joins[-1] if joins else other.start
            first = min((word.start for word in last.words if word.low in _AND and word.start >= start), default=start)
            out |= {(PLACE, f"{at - last.at}:{value.start}") for value in last.values if first <= value.start < other.end}
        return out

    def said_by_user(self, value: Value) -> bool:
        if value.kind in NAMES:
            return key(value) in self._named
        mine = family(value)
        return any(_same(other, value, mine) for one in self._telling(value) if one.by_user for other in one.values)

    def _in_words(self, value: Value) -> bool:
        """Whether the user said a name lately, if only as plain words: "a golf"."""
        ids = set(value.ids)
        return any(one.by_user and ids <= one.all_ids() for one in self.heard)

    def same_name(self, value: Value, others: list[Value]) -> bool:
        """Whether a value names one of the others, if only in part."""
        mine = set(value.ids)
        return any(mine <= set(other.ids) or mine >= set(other.ids) for other in others)

    def offered(self) -> list[Value]:
        """Names, and in a question days and times, that the assistant just brought up and the user never said."""
        last = self.newest
        if last is None:
            return []
        known = self._taken | self._named if any(value.kind in NAMES for value in last.values) else self._taken
        names = [value for value in last.values if value.kind in NAMES and key(value) not in known and not self._in_words(value)]
        whens = [value for value in last.values if last.asks and value.kind in {DATE, TIME} and not self.said_by_user(value)]
        return names + whens


def slots(value: Value) -> Slots:
    """What stands for the value in pieces of any message, or of an earlier summary."""
    if value.kind == DATE:
        days = set(value.ids) | ({f"d:{value.day}"} if len(value.day) == 10 else set())
        for name in list(days):
            if len(name) == 12 and name[2].isdigit():
                days |= {f"d:--{name[7:]}"}
        return {(DATE, name) for name in days if not name.startswith("d:---") or len(days) == 1}
    if value.kind == TIME:
        return {(TIME, name) for name in value.ids}
    found = slot(value)
    if value.kind == WORD:
        return {(ANY, value.ids[0])}
    out = {found} if found is not None and found[0] != BARE else set()
    if value.kind in NAMES:
        out.add((ANY, " ".join(value.ids)))
    return out


def _same(one: Value, other: Value, kind: str) -> bool:
    if family(one) != kind:
        return False
    if kind in _WHENS:
        return not set(one.ids).isdisjoint(other.ids) or bool(one.day and one.day == other.day)
    return one.ids == other.ids and (kind != NUMBER or contrast.alike_units(one, other))


def _runs_like(old: list[Value], heard: Heard) -> list[list[Value]]:
    """Where a message says the same values in the same order."""
    if not all(map(heard.tells, old)):
        return []
    told = heard.values
    starts = [n for n, value in enumerate(told) if _same(value, old[0], family(old[0]))]
    runs = [told[n : n + len(old)] for n in starts]
    return [run for run in runs if [value.ids for value in run[1:]] == [value.ids for value in old[1:]]]


_OR = listed("or oder o ou u または か 或 还是 или")
_AND = _OR | listed("and und y et e another や と 和")


def _alternative(heard: Heard, one: Value, other: Value) -> bool:
    """Whether a message names two values to choose from: "19:30 or 21:00", not "from 19:30 till 21:00"."""
    first, second = sorted((one, other), key=lambda value: value.start)
    between = [word.low for word in heard.words if first.end <= word.start < second.start]
    joining = _OR if one.kind in NAMES else _AND
    return not joining.isdisjoint(between) and not {".", "?", "!"} & set(between)


def _listed_apart(heard: Heard, one: Value, other: Value) -> bool:
    """Whether two values begin lines of a list."""
    mine, theirs = _line(heard, one), _line(heard, other)
    return mine is not None and theirs is not None and mine != theirs


def _line(heard: Heard, value: Value) -> tuple[int, int] | None:
    """Where the line begins and ends that the value begins, after the mark of a list or of a table's row."""
    text = heard.text[0]
    start = text.rfind("\n", 0, value.start) + 1
    if not _ITEM.fullmatch(text, start, value.start):
        return None
    end = text.find("\n", start)
    return start, end if end >= 0 else len(text)


_ITEM = re.compile(r"\s*(?:[-*•|–]|\d{1,2}[.)])[\s*_`]*")
_ROLES = listed("from to in at with by near von nach in bei mit de a en con à dans avec chez")


def _other_role(new: Value, old: Value, said: list[Token], before: list[Token]) -> bool:
    """Whether two names stand behind different prepositions: from Phoenix, to Delhi."""
    mine, theirs = _role(new, said), _role(old, before)
    return bool(mine) and mine != theirs and not _sets(new, said)


def _sets(new: Value, said: list[Token]) -> bool:
    """Whether a name stands behind "switch it to", "go with": then the preposition says nothing of its role."""
    before = [word.low for word in said if word.end <= new.start][-2:]
    return len(before) == _PAIR and (before[0] in _SETTING or (before[0] == "go" and before[1] != "to"))


_SETTING = listed("it that this them one switch change changed update updated set swap edit correct")


def _role(value: Value, words: list[Token]) -> str:
    before = [word.low for word in words if word.end <= value.start][-2:]
    while before and before[-1] in {"the", "a", "der", "la", "el", "le"}:
        before.pop()
    return before[-1] if before and before[-1] in _ROLES else ""


def _one_run(values: list[Value]) -> bool:
    return len(contrast.runs(values)) == 1
