"""Short conversations with one planted correction each, made by a seeded generator.

Around the correction stand turns about other things; in some talks a tool is called with the old value before it, in some with the new one
after it. Every English wording of a half is used PER_WORDING times, every foreign one once: 15 % of the talks. Neither value stands
in a talk for another reason.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.facts import Json
from benchmarks.planted.halves import HALVES
from benchmarks.planted.judge import Planted, Value, stands
from benchmarks.planted.parts import KINDS, NUMBERS, Fact, Half, Offer, Scene

PER_WORDING = 4
DATED = {"weekday", "date", "time", "hour", "jour", "heure", "dia", "hora", "day", "clock"}
MONTHS = {"march": 3, "may": 5, "june": 6, "october": 10}
Said = list[Json]


class Talk(NamedTuple):
    kind: str
    language: str
    messages: Said
    planted: Planted


class Unfit(Exception):
    """A value stands in the talk for another reason."""


# --- values


def _count(raw: str, unit: str, rng: random.Random) -> Value:
    shown = rng.choice((raw, NUMBERS[int(raw)]))
    return Value(f"{shown} {unit}", shown, (raw, NUMBERS[int(raw)]), int(raw))


def _date(raw: str) -> Value:
    month, day = raw.split()
    number = day.rstrip("sthndr")
    iso = f"2026-{MONTHS[month.casefold()]:02}-{int(number):02}"
    return Value(raw, f"the {day}", (raw, day, f"{month} {number}", f"{number} {month}", iso), iso)


def _time(raw: str) -> Value:
    hour, _, minute = raw.removesuffix("am").removesuffix("pm").partition(":")
    clock = f"{int(hour) + 12 * raw.endswith('pm'):02}:{minute or '00'}"
    return Value(raw, raw, (raw, clock, f"{raw[:-2]} {raw[-2:]}") if raw[-1] == "m" else (raw, clock), clock)


def value(pool: str, raw: str, unit: str, rng: random.Random) -> Value:
    if pool == "count":
        return _count(raw, unit, rng)
    if pool == "date":
        return _date(raw)
    if pool == "time" and raw[0].isdigit():
        return _time(raw)
    bare = raw.removeprefix("the ").removeprefix("an ").removeprefix("a ")
    if pool == "amount":
        bare = raw.strip("$€")
        return Value(raw, raw, (raw, bare, bare.replace(",", "")), bare.replace(",", ""))
    return Value(raw, raw, (bare,), bare)


# --- parts of a talk


def _user(text: str) -> Json:
    return {"role": "user", "content": text}


def _assistant(text: str) -> Json:
    return {"role": "assistant", "content": text}


def _sides(half: Half, count: int, rng: random.Random) -> list[Said]:
    pairs = [line.split(" | ") for line in half.side.splitlines()]
    return [[_user(asked), _assistant(answered)] for asked, answered in rng.sample(pairs, min(count, len(pairs)))]


def call(tool: str, arguments: Json, result: object, rng: random.Random) -> Said:
    """An assistant's call and its result."""
    name = "call_" + "".join(rng.choices("abcdefghkmnpqrstuvwxyz", k=6))
    function = {"name": tool, "arguments": json.dumps(arguments, ensure_ascii=False)}
    content = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return [
        {"role": "assistant", "content": None, "tool_calls": [{"id": name, "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": name, "content": content},
    ]


def _made(tool: str, arg: str, made_with: Value, rng: random.Random) -> Said:
    ref = "".join(rng.choices("BCDFGHJKLMNPQRSTVWXYZ", k=6))
    result = rng.choice([{"status": "ok", arg: made_with.given}, {"ref": ref, arg: made_with.given}, {"ok": True, "ref": ref}])
    return call(tool, {arg: made_with.given}, result, rng)


def _filled(wording: str, slot: str, fact: str, who: str, old: Value, new: Value, rng: random.Random) -> str:
    said = wording.format(
        slot=slot,
        fact=fact.format(v=new.text),
        who=who,
        old=rng.choice((old.text, old.short)),
        new=rng.choice((new.text, new.text, new.short)),
    )
    return said.lower() if rng.random() < 0.3 else said


class Draft(NamedTuple):
    """The turns of the matter itself, those up to the correction and those from it, and the user's correcting sentence."""

    first: Said
    then: Said
    quote: str
    called: str


def _asked(scene: Scene, kind: str, wording: str, who: str, half: Half, old: Value, new: Value, rng: random.Random) -> Draft:
    ask, acks = rng.choice(scene.asks), half.acks
    put_right = _filled(wording, scene.slot, "", who, old, new, rng)
    answer = _assistant(rng.choice((scene.noted.format(v=new.text), *acks[:2])))
    after = _made(scene.tool, scene.arg, new, rng) if rng.random() < 0.5 else []
    if kind == "same message":
        behind = put_right.startswith("+")
        first = ask.format(v=old.text).rstrip(".?") + put_right[1:] if behind else ask.format(v=put_right)
        return Draft([], [_user(first), *after, answer], "", "")
    before = _made(scene.tool, scene.arg, old, rng) if rng.random() < 0.4 else []
    noted = _assistant(rng.choice((scene.noted.format(v=old.text), rng.choice(acks))))
    quote = put_right if stands(old, put_right) and stands(new, put_right) else ""
    said_first = [_user(ask.format(v=old.text)), *before, noted]
    return Draft(said_first, [_user(put_right), *after, answer], quote, scene.tool if before else "")


def _offered(offer: Offer, wording: str, half: Half, old: Value, new: Value, rng: random.Random) -> Draft:
    declined = _filled(wording, "", "", "", old, new, rng)
    then = [_user(declined)]
    if not stands(new, declined):
        then += [_assistant(offer.offer.format(v=new.text)), _user(rng.choice(half.yes))]
    if rng.random() < 0.5:
        then += _made(offer.tool, offer.arg, new, rng)
    then.append(_assistant(rng.choice((offer.taken.format(v=new.text), rng.choice(half.acks)))))
    quote = declined if stands(old, declined) and stands(new, declined) else ""
    return Draft([_user(offer.ask), _assistant(offer.offer.format(v=old.text))], then, quote, "")


def _told(fact: Fact, wording: str, half: Half, old: Value, new: Value, rng: random.Random) -> Draft:
    put_right = _filled(wording, "", fact.fact, "", old, new, rng)
    quote = put_right if stands(old, put_right) and stands(new, put_right) else ""
    first = [_user(rng.choice(fact.says).format(v=old.text)), _assistant(fact.answer.format(v=old.text))]
    return Draft(first, [_user(put_right), _assistant(rng.choice(half.acks))], quote, "")


# --- the talk


def _two(pool: str, options: Sequence[str], rng: random.Random) -> list[str]:
    """Dates of one month, since \"the 9th\" is said for one."""
    old = rng.choice(options)
    return [old, rng.choice([one for one in options if one != old and (pool != "date" or one.split()[0] == old.split()[0])])]


def _drafted(kind: str, wording: str, half: Half, rng: random.Random) -> tuple[Draft, Planted, str]:
    """With all that is said about the matter besides the values."""
    if kind == "rejected offer":
        offer = rng.choice(half.offers)
        pool = "time" if any(":" in option for option in offer.options) else ""
        old, new = (value(pool, raw, "", rng) for raw in rng.sample(offer.options, 2))
        draft, frame = _offered(offer, wording, half, old, new, rng), [offer.ask, offer.offer, offer.taken]
    elif kind == "free talk":
        fact = rng.choice(half.facts)
        old, new = (value("", raw, "", rng) for raw in rng.sample(fact.options, 2))
        draft, frame = _told(fact, wording, half, old, new, rng), [*fact.says, fact.answer]
    else:
        scene = rng.choice([scene for scene in half.scenes if kind != "changed date/time" or scene.pool in DATED])
        old, new = (value(scene.pool, raw, scene.unit, rng) for raw in _two(scene.pool, half.pools[scene.pool], rng))
        draft = _asked(scene, kind, wording, rng.choice(half.who), half, old, new, rng)
        frame = [*scene.asks, scene.noted, scene.slot]
    return draft, Planted(old, new, draft.quote, draft.called), "\n".join([*frame, *half.acks, *half.yes])


def _talk(kind: str, language: str, wording: str, half: Half, rng: random.Random) -> Talk:
    draft, planted, frame = _drafted(kind, wording, half, rng)
    between = rng.randint(3, 5) if kind == "changed mind later" else rng.choice((0, 1)) if kind == "named" else 0
    sides = _sides(half, between + rng.randint(8, 13), rng)
    before = rng.randint(1, max(1, len(sides) - between - 1))
    around = "\n".join([frame, *(message["content"] for side in sides for message in side)])
    old, new = planted.old, planted.new
    if stands(old, f"{around}\n{new.text}") or stands(new, f"{around}\n{old.text}"):
        raise Unfit
    parts = [*sides[:before], draft.first, *sides[before : before + between], draft.then, *sides[before + between :]]
    messages = [message for part in parts for message in part]
    return Talk(kind, language, messages, planted)


def _fit(kind: str, language: str, wording: str, half: Half, seed: str) -> Talk:
    rng = random.Random(seed)
    while True:
        try:
            return _talk(kind, language, wording, half, rng)
        except Unfit:
            continue


def talks(half: str, seed: int = 1) -> list[Talk]:
    own = HALVES[half]
    made = []
    for kind in KINDS:
        said = [("en", own.english, wording) for wording in own.words[kind].splitlines() * PER_WORDING]
        said += [
            (language, there, wording) for language, (there, words) in own.abroad.items() for wording in words[kind].splitlines()
        ]
        made += [
            _fit(kind, language, wording, where, f"{seed} {half} {kind} {at}")
            for at, (language, where, wording) in enumerate(said)
        ]
    return made
