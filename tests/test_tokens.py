"""Counting: exact where it says so, off the loop where it is long, and an estimate that knows what it is."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnkeep import tokens
from turnkeep.errors import InvalidInput
from turnkeep.tokens import (
    COUNTERS,
    SLICE,
    count_message,
    count_message_off_loop,
    count_off_loop,
    count_tools,
    counter_name_for,
    get_counter,
    is_loaded,
    slices,
)

O200K = get_counter("o200k")
CL100K = get_counter("cl100k")

# Text, o200k_base, cl100k_base: as OpenAI's cookbook shows tiktoken's counts.
KNOWN = [
    ("", 0, 0),
    ("antidisestablishmentarianism", 6, 6),
    ("2 + 2 = 4", 7, 7),
    ("お誕生日おめでとう", 8, 9),
    ("<|endoftext|>", 7, 7),  # like encode_ordinary: what a user types is no control token
]
SAMPLES = {
    "en": "The committee decided to postpone its decision until the following quarter, because members had no papers.",
    "fr": "Le comité a décidé de reporter sa décision au trimestre suivant, car plusieurs membres n'avaient rien reçu.",
    "de": "Der Ausschuss beschloss, seine Entscheidung auf das nächste Quartal zu verschieben, weil Unterlagen fehlten.",
    "pl": "Komitet postanowił przełożyć decyzję na następny kwartał, ponieważ kilku członków nie miało dokumentów.",
    "ru": "Комитет решил отложить своё решение до следующего квартала, потому что не все получили документы.",
    "uk": "Комітет вирішив відкласти своє рішення до наступного кварталу, оскільки не всі отримали документи.",
    "el": "Η επιτροπή αποφάσισε να αναβάλει την απόφασή της για το επόμενο τρίμηνο, επειδή αρκετά μέλη απουσίαζαν.",
    "ar": "قررت اللجنة تأجيل قرارها إلى الربع التالي، لأن العديد من الأعضاء لم يتلقوا الوثائق المنقحة.",
    "he": "הוועדה החליטה לדחות את החלטתה לרבעון הבא, משום שכמה חברים לא קיבלו את המסמכים המתוקנים בזמן.",
    "hi": "समिति ने अपना निर्णय अगली तिमाही तक स्थगित करने का फैसला किया क्योंकि कई सदस्य नहीं आए थे।",
    "th": "คณะกรรมการตัดสินใจเลื่อนการตัดสินใจไปเป็นไตรมาสถัดไป เนื่องจากสมาชิกหลายคนไม่ได้รับเอกสาร",
    "ko": "위원회는 여러 위원이 수정된 문서를 제때 받지 못했고 비교하기를 원했기 때문에 결정을 연기하기로 했습니다.",
    "ja": "委員会は、数名の委員が改訂版の資料を期日までに受け取れず、決定を次の四半期に延期することにしました。",
    "zh": "委员会决定将其决定推迟到下一季度，因为几名成员没有及时收到修订后的文件。",
    "emoji": "Great job! 🎉🎉🎉 See you at the beach 🏖️☀️ bring your dog 🐶 and family 👨‍👩‍👧‍👦 ❤️👍🏽",
    "json": '{"origin":"PAR","destination":"LIS","date":"2026-05-03","passengers":2,"max_price":450.00,"nonstop":true}',
    "code": "def total(messages):\n    count = 0\n    for message in messages:\n        count += 1\n    return count\n",
}


@pytest.mark.parametrize(("text", "o200k", "cl100k"), KNOWN)
def test_counts_are_those_of_tiktoken(text: str, o200k: int, cl100k: int) -> None:
    assert (O200K.count(text), CL100K.count(text)) == (o200k, cl100k)


def test_a_counter_says_its_name_and_whether_it_is_exact() -> None:
    assert [(get_counter(name).name, get_counter(name).exact) for name in COUNTERS] == [
        ("o200k", True),
        ("cl100k", True),
        ("claude", False),
        ("gemini", False),
        ("estimate", False),
    ]
    assert repr(O200K) == "<counter o200k>"


def test_an_unknown_tokenizer_is_refused_with_the_choices() -> None:
    with pytest.raises(InvalidInput, match="o200k, cl100k, claude, gemini, estimate") as caught:
        get_counter("p50k")
    assert caught.value.field == "tokenizer"


def test_a_vocabulary_is_loaded_once_however_many_threads_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []

    def load(encoding: str) -> Any:
        loads.append(encoding)
        time.sleep(0.02)
        return len

    monkeypatch.setattr(tokens, "_load_bpe", load)
    monkeypatch.setattr(tokens, "_loaded", {})
    threads = [threading.Thread(target=get_counter, args=("o200k",)) for _ in range(8)]
    assert not is_loaded("o200k")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["o200k_base"]
    assert is_loaded("o200k")


def test_importing_turnkeep_loads_no_vocabulary_and_counting_does_not_stop_others_from_using_bpe_openai() -> None:
    code = (
        "import sys, turnkeep.tokens as t\n"
        "assert not [name for name in sys.modules if 'bpe' in name]\n"
        "count = t.get_counter('o200k').count('hello world')\n"
        "assert 'bpe_openai' not in sys.modules\n"
        "import bpe_openai\n"
        "assert count == 2 == len(bpe_openai.get_encoding('o200k_base').encode('hello world'))\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "o200k"),
        ("gpt-4o-mini-2024-07-18", "o200k"),
        ("chatgpt-4o-latest", "o200k"),
        ("gpt-4.1-nano", "o200k"),
        ("gpt-4.5-preview", "o200k"),
        ("gpt-5.1-codex", "o200k"),
        ("openai/gpt-5-mini", "o200k"),
        ("o1", "o200k"),
        ("o3-mini", "o200k"),
        ("gpt-oss-20b", "o200k"),
        ("ft:gpt-4o-mini:acme::1", "o200k"),
        ("gpt-4", "cl100k"),
        ("gpt-4-turbo", "cl100k"),
        ("gpt-3.5-turbo-16k", "cl100k"),
        ("azure/gpt-35-turbo", "cl100k"),
        ("claude-sonnet-4-5", "claude"),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude"),
        ("models/gemini-2.5-pro", "gemini"),
        ("meta-llama/Llama-3.3-70B-Instruct", "estimate"),
        ("mistral-large-latest", "estimate"),
        ("mixtral-8x7b", "estimate"),
        ("my-own-model", "cl100k"),
        (None, "cl100k"),
        ("", "cl100k"),
    ],
)
def test_the_model_picks_the_counter(model: str | None, name: str) -> None:
    assert counter_name_for(model, "cl100k") == name


# --- the estimate


def test_the_estimate_is_near_on_mixed_scripts_and_rather_high() -> None:
    estimate = get_counter("estimate")
    ratios = [estimate.count(text) / O200K.count(text) for text in SAMPLES.values()]
    quarter = [len(text) / 4 / O200K.count(text) for text in SAMPLES.values()]
    error = statistics.median(abs(ratio - 1) for ratio in ratios)
    assert error < 0.16 < statistics.median(abs(ratio - 1) for ratio in quarter)
    assert 1.0 <= statistics.mean(ratios) < 1.12
    assert min(ratios) > 0.75 and max(ratios) < 1.5


@given(st.text(max_size=300))
def test_the_estimate_takes_any_text(text: str) -> None:
    found = get_counter("estimate").count(text)
    assert 0 <= found <= 2 * len(text)
    assert found > 0 or not text.strip()


# --- messages


def call(arguments: Any = '{"city": "Oslo"}') -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}


def test_a_message_costs_its_frame_and_its_text() -> None:
    assert [O200K.count(role) for role in ("system", "user", "assistant", "tool")] == [1, 1, 1, 1]
    assert count_message(O200K, "user", "hello world") == 3 + 1 + 2
    assert count_message(O200K, "user", "hello world", name="ann") == 3 + 1 + 2 + 1 + O200K.count("ann")
    assert count_message(O200K, "tool", "", tool_call_id="call_1") == 3 + 1 + 1 + O200K.count("call_1")
    assert count_message(O200K, "assistant", None) == 4


def test_tool_calls_cost_their_frame_id_name_and_arguments() -> None:
    texts = sum(O200K.count(text) for text in ("call_1", "weather", '{"city": "Oslo"}'))
    assert count_message(O200K, "assistant", None, [call(), call()]) == 4 + 2 * (4 + texts)
    assert count_message(O200K, "assistant", None, [call({"city": "Oslo"})]) > 4 + 4
    assert count_message(O200K, "assistant", None, [{"id": "x", "type": "custom", "custom": {"input": "a b c"}}]) > 8


@pytest.mark.parametrize(
    ("part", "cost"),
    [
        ({"type": "text", "text": "hello world"}, 2),
        ({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}, 765),
        ({"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}}, 85),
        ({"type": "file", "file": {"file_id": "file-1"}}, 1500),
        ({"type": "file", "file": {"file_data": "A" * 8000}}, 1016),
        ({"type": "input_audio", "input_audio": {"data": "A" * 800, "format": "wav"}}, 26),
        ({"type": "new", "new": 1}, len('{"type":"new","new":1}') // 2),
    ],
)
def test_parts_cost_their_text_or_a_stated_estimate(part: dict[str, Any], cost: int) -> None:
    assert count_message(O200K, "user", [part]) == pytest.approx(4 + cost, abs=3 if part["type"] == "new" else 0)


def test_tools_cost_their_compact_json() -> None:
    assert count_tools(O200K, None) == count_tools(O200K, []) == 0
    assert count_tools(O200K, [{"type": "function"}]) == O200K.count('[{"type":"function"}]')


# --- off the loop

PROSE = " ".join(SAMPLES.values()) + "\r\nIt's 3.14, isn't it?\n\n  \t x=1;y/z 'quoted' “more”…"


@settings(max_examples=25, derandomize=True)
@given(
    st.lists(st.one_of(st.sampled_from([*SAMPLES.values(), PROSE]), st.text(max_size=50)), min_size=1, max_size=40),
    st.integers(60, 900),
)
def test_slices_add_up_to_the_whole(texts: list[str], size: int) -> None:
    """Small slices, so that there are many seams; every seam that is chosen at a letter's end is exact, in both vocabularies."""
    text = " ".join(texts).encode("utf-8", "ignore").decode()
    patch = pytest.MonkeyPatch()
    patch.setattr(tokens, "SLICE", size)
    patch.setattr(tokens, "_REACH", size - 1)
    pieces = list(slices(text))
    patch.undo()
    assert "".join(pieces) == text
    assert all(len(piece) <= size for piece in pieces)
    if all(piece[-1:].isalpha() and not following[:1].isalpha() for piece, following in itertools.pairwise(pieces)):
        for counter in (O200K, CL100K):
            assert sum(map(counter.count, pieces)) == counter.count(text)


async def test_a_long_text_is_counted_exactly_and_gives_way() -> None:
    text = PROSE * (1_000_000 // len(PROSE))
    longest, turns = await _longest_pause(count_off_loop(O200K, text))
    assert await count_off_loop(O200K, text) == O200K.count(text)
    assert turns >= len(text) // SLICE
    assert longest < 0.5  # 5 ms on an idle machine; a machine under load is not what is tested


async def _longest_pause(work: Any) -> tuple[float, int]:
    task = asyncio.ensure_future(work)
    longest, turns, last = 0.0, 0, time.perf_counter()
    while not task.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, turns, last = max(longest, now - last), turns + 1, now
    return longest, turns


@pytest.mark.parametrize("text", ["a" * 200_000, "漢字" * 100_000, " " * 200_000, "🎉" * 100_000])
async def test_a_text_without_a_seam_is_off_by_a_few_tokens_at_most(text: str) -> None:
    found = await count_off_loop(O200K, text)
    assert 0 <= found - O200K.count(text) <= 2 * (len(text) // SLICE)


async def test_a_message_is_counted_off_the_loop_as_on_it() -> None:
    parts = [{"type": "text", "text": PROSE * 40}, {"type": "file", "file": {"file_id": "file-1"}}]
    for count in (
        ("user", parts, None, None, "ann"),
        ("assistant", None, [call(f'"{PROSE * 40}"')]),
        ("tool", "x", None, "call_1"),
    ):
        assert await count_message_off_loop(O200K, *count) == count_message(O200K, *count)
