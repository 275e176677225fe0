"""A store with something of all that a store can hold, and no column of it empty."""

from __future__ import annotations

from typing import Any

from turnkeep.keys import new_key
from turnkeep.session import Arrival, NewPin, Session
from turnkeep.stores.base import Guard, Store
from turnkeep.testing.builders import APP, HOUR, NOW, event, message, opened, said, summary, tool_result, tool_use

DAY = 24 * HOUR


async def filled(store: Store) -> list[Session]:
    """The sessions: a long talk, its successor, one of several people of whom one was erased, and one of another app."""
    made = [await _talk(store)]
    made.append(await _successor(store, made[0]))
    made.append(await _erased(store))
    made.append(await said(store, await opened(store, app="other", conversation_id="9", external_user_id=None), "elsewhere"))
    for of, model in ((made[0], "große-1"), (made[0], "model-2"), (made[3], "model-2")):
        await store.record(of.app, of.id, event("usage", model, tokens_in=50, counted_tokens=40))
    gone = await said(store, await opened(store, conversation_id="gone"), "soon gone")
    await store.delete(APP, gone.id, guard=_key("delete"))
    await _of_no_session(store)
    await store.cleanup("other", now_ms=NOW, retention_ms=DAY, guard=_key("cleanup"))
    return [await store.session(one.app, one.id) for one in made]


def _key(name: str) -> Guard:
    return Guard(key=name, fingerprint="f", now_ms=NOW, until_ms=NOW + DAY)


async def _talk(store: Store) -> Session:
    session = await opened(store, metadata={"plan": "free", "n": [1, 1.5, None]})
    await said(
        store,
        session,
        message("system", "Be brief."),
        message(external_id="tg:1", author_id="ann", name="Ann", metadata={"client": 7}, content="naïve 🙂"),
        message("assistant", [{"type": "text", "text": "parts"}, {"type": "image_url", "image_url": {"url": "https://x/y"}}]),
        message(external_id="tg:2"),
        tool_use("c1", "c2", content="both"),
        tool_result("c1"),
        tool_result("c2", "grey"),
        message("assistant", "done", counter="other counter"),
        *[message("user" if at % 2 else "assistant", f"line {at}") for at in range(1, 9)],
    )
    cover = {"data": '{"lines":[1]}', "authors": ("ann", "bob"), "source": "extractive-1", "duration_ms": 1.25}
    for end in (4, 8):
        start = (await store.session(APP, session.id)).window_start
        await store.add_summary(APP, session.id, summary(start, end, f"to {end}", **cover), generation=0, now_ms=NOW)
    folded = [one.number for one in await store.summaries(APP, session.id)]
    whole = summary(2, 8, "all of it", tokens=9, **cover)
    await store.add_summary(APP, session.id, whole, generation=0, now_ms=NOW + 1, replaces=folded)
    await store.retract(APP, session.id, 15, NOW)
    pins = (
        NewPin(text="user: naïve 🙂", tokens=5, counter="test", created_ms=NOW, seq=2, role="user", author_id="ann"),
        NewPin(text="Ann takes no milk", tokens=6, counter="test", created_ms=NOW),
    )
    for pin in pins:
        await store.pin(APP, session.id, pin, most=9, most_tokens=99, guard=_key(f"pin {pin.seq}"))
    for scope, patch in (("session", {"step": 2, "é": {"deep": [1]}}), ("user", {"units": "metric"})):
        await store.update_state(APP, session.id, scope, patch, limit=9999, now_ms=NOW, guard=_key(scope))  # type: ignore[arg-type]  # literals
    more: dict[str, Any] = {
        "duration_ms": 12.5,
        "outcome": "ok",
        "tokens_in": 5,
        "tokens_out": 6,
        "cache_read_tokens": 4,
        "data": {"k": 1},
    }
    await store.record(APP, session.id, event("tool_call", tool_call_id="c1", **more))
    await store.record(APP, session.id, event("tool_call", tool_call_id="unheard"), guard=_key("record"))
    await store.record(APP, session.id, event("error", "Timeout"))
    await store.append(
        APP, session.id, [message(external_id="tg:1", author_id="ann", name="Ann", content="naïve 🙂"), message(content="again")],
        now_ms=NOW, guard=_key("append"), fixed_tokens=11,
    )  # fmt: skip
    return await store.deactivate(APP, session.id, NOW + 5, guard=_key("deactivate"))


async def _successor(store: Store, before: Session) -> Session:
    new: dict[str, Any] = {"carry_over": "summary"}
    session = await opened(store, **new)
    assert session.predecessor == before.id
    session = await said(store, session, message(external_id="tg:3"), "and so on")
    return await store.clear(APP, session.id, keep_summaries=True, now_ms=NOW, guard=_key("clear"))


async def _erased(store: Store) -> Session:
    session = await opened(store, interface_type="discord", conversation_id="group", external_user_id="cem")
    session = await said(
        store,
        session,
        message(author_id="cem"),
        message(external_id="dc:1", author_id="eve", content="of eve"),
        message(author_id="cem"),
    )
    await store.erase_user(APP, "eve", None, NOW, guard=_key("erase"))
    return session


async def _of_no_session(store: Store) -> None:
    for app, user, label in ((APP, "ann", "phone"), (APP, None, None), ("other", None, "admin")):
        _, key = new_key(app, "write", external_user_id=user, label=label, now_ms=NOW)
        await store.add_key(key)
        if label == "phone":
            await store.revoke_key(APP, key.id, NOW + 3)
    for name, user in (("tg:9", "ann"), ("tg:5", None), ("tg:7", "ann")):
        arrival = Arrival(
            app=APP, interface_type="telegram", external_id=name, conversation_id="5", external_user_id=user, payload="{}", created_ms=NOW
        )  # fmt: skip
        await store.take_in(arrival)
    await store.note_progress(APP, "telegram", "tg:5", '{"parts":[1]}')
    await store.finish(APP, "telegram", ["tg:9"], NOW + 1)
