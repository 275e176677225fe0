"""A language model's provider over HTTP on loopback, by OpenAI's protocol: it answers as it is told, and fails as providers do.

Invariant: it keeps every question that it was asked, with the key that it came with.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

from aiohttp import web

KEY = "sk-test-0123456789abcdef0123456789abcdef"
Json: TypeAlias = dict[str, Any]
Fault: TypeAlias = Literal["401", "404", "429", "500", "cut", "hangs", "no json"]
Write: TypeAlias = Callable[[Json], str]


def in_short(question: Json) -> str:
    return "In short."


class ProviderEmulator:
    """`async with ProviderEmulator() as provider:`, then name `provider.url` as the base URL.

    `write` makes the answer from the question (OpenAI's `chat/completions`); `faults` are what the next questions get instead;
    `down`: what all of them get.
    """

    def __init__(self, write: Write = in_short, *, delay: float = 0.0) -> None:
        self.write, self.delay = write, delay
        self.faults: deque[Fault] = deque()
        self.down: Fault | None = None
        self.retry_after = 7  # seconds, in answers with 429
        self.finish = "stop"
        self.used = 100  # tokens that it counts for a prompt
        self.cached = 0  # of these, that it has from its cache
        self.asked: list[Json] = []
        self.keys: list[str] = []
        self.running = self.most = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=60_000_000)
        app.router.add_post("/v1/chat/completions", self._call)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _call(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.keys.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.delay)
            fault = self.faults.popleft() if self.faults else self.down
            if fault is not None:
                return await self._fail(request, fault)
            return await self._stream(request) if self.asked[-1].get("stream") else self._answer(self.asked[-1])
        finally:
            self.running -= 1

    def _answer(self, question: Json) -> web.Response:
        text = self.write(question)
        said = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": said, "finish_reason": self.finish}
        told = {
            "id": "a1",
            "object": "chat.completion",
            "created": 1,
            "model": question["model"],
            "choices": [choice],
            "usage": self._usage(text),
        }
        return web.json_response(told)

    def _usage(self, text: str) -> Json:
        return {
            "prompt_tokens": self.used,
            "completion_tokens": len(text) // 4,
            "total_tokens": self.used + len(text) // 4,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """The answer in one piece, then what it cost, as server-sent events."""
        text = self.write(self.asked[-1])
        head = {"id": "a1", "object": "chat.completion.chunk", "created": 1, "model": self.asked[-1]["model"]}
        said = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": self.finish}
        pieces = [{**head, "choices": [said]}, {**head, "choices": [], "usage": self._usage(text)}]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in (*map(json.dumps, pieces), "[DONE]"):
            await response.write(f"data: {piece}\n\n".encode())
        return response

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault == "hangs":
            await asyncio.Event().wait()
        if fault == "no json":
            return web.Response(text="<html>Bad gateway</html>")
        if fault == "cut":
            response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "5000"})
            await response.prepare(request)
            await response.write(b'{"id": "a1", "choices": [')
            assert request.transport is not None
            request.transport.abort()
            return response
        headers = {"retry-after": str(self.retry_after)} if fault == "429" else {}
        why = {"error": {"message": f"no, {self.keys[-1]} is not what I take", "type": "x", "code": None}}  # some do tell the key
        return web.json_response(why, status=int(fault), headers=headers)


def question_text(question: Json) -> str:
    """All that a question says, instructions included."""
    return json.dumps(question["messages"], ensure_ascii=False)
