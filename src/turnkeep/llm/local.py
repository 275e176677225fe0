"""A model in a file on this machine (GGUF), run by llama.cpp in a process of its own, which is started when it is first asked.

llama.cpp holds the interpreter's lock while it loads (a second for the smallest model there is), and takes the program with it if
it crashes: neither may befall who only wanted a summary. The process speaks OpenAI's protocol on a port of the loopback, with a key that
is drawn for it, and ends with the pipe to it, so that a manager that is killed leaves nothing behind.

Invariants: the event loop waits for nothing but pipes and sockets; after `close` the process is gone and waited for; one that was lost is
started again by the next question.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from asyncio.subprocess import Process
from pathlib import Path

from turnkeep import children
from turnkeep.errors import InvalidInput
from turnkeep.llm.base import LOCAL, Answer, ModelFailed
from turnkeep.llm.provider import ProviderModel

WINDOW = 8192  # tokens
STARTS = 300.0  # seconds for a start: large files come from slow disks
MAGIC = b"GGUF"


class LocalModel:
    """`name`: `local:` and the path of a file. `threads`: that it computes with."""

    parallel = 1  # it computes one answer at a time

    def __init__(self, name: str, *, threads: int = 1) -> None:
        self.name, self.window = name, WINDOW
        self._path, self._threads = checked(name), threads
        self._process: Process | None = None
        self._server: ProviderModel | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process', while there is one."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def ask(self, system: str, question: str, *, max_tokens: int) -> Answer:
        async with self._starting:
            if self.pid is None:
                await self.close()
                self._server = await self._start()
            server = self._server
        assert server is not None
        return await server.ask(system, question, max_tokens=max_tokens)

    async def _start(self) -> ProviderModel:
        key = secrets.token_urlsafe(24)
        program = children.command("turnkeep.llm.serve")
        if program is None:
            why = "a model on this machine runs in a process of its own, which this program cannot start"
            raise ModelFailed(why, cause="start")
        try:
            self._process = await children.start(program)
            async with asyncio.timeout(STARTS):
                url = await self._told({"path": str(self._path), "key": key, "threads": self._threads, "window": WINDOW})
        except (OSError, NotImplementedError, TimeoutError) as error:
            await self.close()
            why = f"the model on this machine could not be started: {type(error).__name__}"
            raise ModelFailed(why, cause="start") from None
        except BaseException:
            await self.close()
            raise
        return ProviderModel("local", base_url=f"{url}/v1", api_key=key, thinking=0)

    async def _told(self, wanted: dict[str, object]) -> str:
        """The address that the process answers with. OSError, if it ends before."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(wanted).encode() + b"\n")
        line = await process.stdout.readline()
        if not line.startswith(b"http://127.0.0.1:"):
            raise OSError("it ended")
        return line.decode().strip()

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()
            self._server = None
        process, self._process = self._process, None
        if process is not None:
            await children.end(process)


def checked(name: str) -> Path:
    """The file; `InvalidInput` if it is no model."""
    path = Path(name.removeprefix(LOCAL)).expanduser()
    try:
        with path.open("rb") as file:
            found = file.read(len(MAGIC))
    except OSError as error:
        raise InvalidInput("summary_model", f"{path} cannot be read: {error.strerror}") from None
    if found != MAGIC:
        raise InvalidInput("summary_model", f"{path} is no model in the format GGUF")
    return path.resolve()
