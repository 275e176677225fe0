"""What goes in comes out: any Unicode, any JSON, any size."""

from __future__ import annotations

import json
from typing import Any

import pytest

from turnkeep.session import Json
from turnkeep.stores.base import Store
from turnkeep.testing.builders import (
    APP,
    NOW,
    event,
    log,
    message,
    opened,
    said,
    summary,
    tool_result,
    tool_use,
)
from turnkeep.testing.store_contract.case import Case

TEXTS = {
    "plain": "hello",
    "quotes": "'; DROP TABLE messages; -- \" \\ %s ? :a $1 {} \\u0041",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028\u2029",
    "lines": "a\r\nb\nc\rd\t ",
    "blank": " ",
    "right to left": "שלום עולם مرحبا \u202eabc\u202c \u200f",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇭 🧑🏽‍🚀 ☺︎",
    "combining": "e\u0301 é Z̸̢̧̛͖ͅa̵l̷g̶o̴ ﬁ ſ İ ı ß",
    "scripts": "漢字 かな 한글 ไทย हिन्दी ქართული ᚠᛇᚻ 𝔘𝔫𝔦 𒀀",
    "edges": "\ufeff\ufffd\uffff\ufffe\ue000\U0010ffff\U0001f600\u00a0\u200b",
}
JSON: dict[str, Json] = {
    "nothing": {},
    "nested": {"a": {"b": [{"c": [[], {}, [[1, [2]]]]}]}},
    "scalars": {"null": None, "true": True, "false": False, "zero": 0, "empty": "", "list": []},
    "numbers": {"big": [2**53, -(2**53), 2**31, -1], "floats": [0.1, 1.5e300, 5e-324, -2.5, 1.0, 1e16]},
    "keys": {"": 1, " ": 2, "é": 3, "e\u0301": 4, "שלום": 5, "🙂": 6, "a.b": 7, "$ref": 8, "a": 9, "A": 10},
    "texts": {"all": list(TEXTS.values()), "looks like a number": "1", "looks like null": "null"},
}


def exact(value: Json) -> str:
    """Equal only for the same JSON: 1, 1.0 and true differ here; the order of keys does not count."""
    return json.dumps(value, sort_keys=True)


class Fidelity(Case):
    """Nothing is normalised, cut or rounded on the way."""

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    async def test_any_text_in_any_field(self, store: Store, text: str) -> None:
        session = await opened(store, external_user_id=text, external_chat_id=text)
        sent = message(content=text, external_id=text, author_id=text, name=text)
        session = await said(store, session, sent, message("assistant", text), tool_use(text), tool_result(text, text))
        user, assistant, use, result = await log(store, session)
        assert (user.content, user.external_id, user.author_id, user.name) == (text,) * 4
        assert assistant.content == result.content == result.tool_call_id == text
        assert use.tool_calls is not None
        assert use.tool_calls[0]["id"] == text
        assert list((await store.window(APP, session.id)).messages) == await log(store, session)
        await store.add_summary(APP, session.id, summary(1, 1, text, source=text), generation=0, now_ms=NOW)
        [row] = await store.summaries(APP, session.id)
        assert (row.text, row.source) == (text, text)
        session = await store.session(APP, session.id)
        assert (session.external_user_id, session.external_chat_id) == (text, text)

    @pytest.mark.parametrize("value", JSON.values(), ids=JSON)
    async def test_any_json_in_any_field(self, store: Store, value: Any) -> None:
        session = await opened(store, metadata=value)
        part = {"type": "data", "data": value}
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra": value}
        sent = [message(content=[part, part], metadata=value), message("assistant", None, tool_calls=[call])]
        await said(store, session, *sent)
        parts, use = await log(store, session)
        assert exact(parts.content) == exact([part, part])
        assert exact(parts.metadata) == exact(value)
        assert exact(use.tool_calls) == exact([call])
        assert use.content is None
        assert exact((await store.session(APP, session.id)).metadata) == exact(value)
        await store.record(APP, session.id, event(data=value))
        assert exact((await store.events(APP, session.id, after=0, limit=1))[0].data) == exact(value)

    async def test_nothing_and_emptiness_differ(self, store: Store) -> None:
        session = await opened(store)
        await said(store, session, tool_use("c", content="", metadata={}), tool_use("d", name="", author_id=""))
        first, second = await log(store, session)
        assert (first.content, first.metadata, first.name) == ("", {}, None)
        assert (second.content, second.metadata, second.name, second.author_id) == (None, None, "", "")
        session = await said(store, session, tool_result("c", ""))
        assert (await log(store, session))[2].content == ""

    async def test_a_text_that_looks_like_parts_stays_a_text(self, store: Store) -> None:
        session = await opened(store)
        texts = ['[{"type": "text", "text": "a"}]', "null", "[]", '"a"', "1", "1.0", "0x1", "true"]
        await said(store, session, *texts)
        assert [one.content for one in await log(store, session)] == texts

    async def test_a_mebibyte(self, store: Store) -> None:
        session = await opened(store)
        texts = ["x" * 2**20, "é" * 2**19, "🙂" * 2**18]
        parts: list[dict[str, Any]] = [{"type": "text", "text": "y" * 2**20}]
        await said(store, session, *texts, message(content=parts))
        assert [one.content for one in await log(store, session)] == [*texts, parts]
        assert len((await store.window(APP, session.id)).messages) == 4

    async def test_figures_at_their_limits(self, store: Store) -> None:
        session = await opened(store, token_limit=10**9, lifetime_ms=10**13)
        sent = message(tokens=10**9, counter="a counter with a long name: " + "x" * 100, created_ms=0)
        session = await said(store, session, sent, message(tokens=0, created_ms=2**45, counter=""))
        first, second = await log(store, session)
        assert (first.tokens, first.counter, first.created_ms) == (10**9, sent.counter, 0)
        assert (second.tokens, second.counter, second.created_ms) == (0, "", 2**45)
        assert (session.token_limit, session.expires_ms) == (10**9, NOW + 10**13)

    async def test_every_field_of_a_message_comes_back(self, store: Store) -> None:
        session = await opened(store)
        plain = message("assistant")
        full = tool_use(
            "c1", "c2", content="both", external_id="x", name="bot", author_id="b", metadata={"k": 1}, tokens=4, counter="z"
        )
        answer = await store.append(APP, session.id, [plain, full], now_ms=NOW + 1)
        for sent, stored in zip([plain, full], await log(store, session), strict=True):
            for field in sent.__struct_fields__:
                assert getattr(stored, field) == getattr(sent, field), field
            assert not stored.erased
        assert list(answer.messages) == await log(store, session)
