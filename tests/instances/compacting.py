"""An instance whose summarizer waits: `python -m tests.instances.compacting URL` says "began", and goes on at a line of input."""

from __future__ import annotations

import asyncio
import sys

from tests.instances.conftest import HASTE, Told, grown

from turnkeep import SessionManager, leases


async def main(url: str) -> None:
    leases.TTL, leases.RENEW = HASTE["TTL"], HASTE["RENEW"]
    told = Told("by the process")
    async with SessionManager.open(url, summarizer=told, cleanup_interval=0.0, compaction_keep=0.3) as sessions:
        await grown(sessions)
        await told.began.wait()
        print("began", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        told.go.set()
        await sessions.settle()
        print(told.calls, sessions.failures["compaction"], flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
