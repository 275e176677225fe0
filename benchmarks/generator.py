"""The load generator: k9-load, whose compiled engine sends requests that are described as data and runs no Python while it does.

Invariants: it is a process beside the server's; each of its users has one connection, kept alive, and takes up one session of its
own; no two bodies are the same, so no message can be taken for another one that is stored already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import k9
from k9 import plan

from benchmarks import measure

USER, TURN = plan.VU, plan.ITER  # from 1; from 0
_TEXTS = plan.feeder("texts", rows=[{"text": text} for text in measure.texts(1000)])
Step = dict[str, Any]


class Load(NamedTuple):
    """What a run came to. `p50` and `p99`: milliseconds until an answer was complete."""

    requests: int
    rate: float
    p50: float
    p99: float
    failed: int  # no answer, or one of another status
    rounds: int  # through all the steps: the end may cut a user off between two of them


def message(role: str = "user", mark: str = "") -> str:
    """The JSON of a message of some 200 characters that is new in each turn of each user."""
    return f'{{"role":"{role}","content":"{mark}{USER}-{TURN} {_TEXTS.text}"}}'


def post(url: str, key: str | None, body: str) -> Step:
    return plan.post(url, body=body, headers={"Content-Type": "application/json", **_auth(key)}, checks={"201": plan.status(201)})


def get(url: str, key: str | None) -> Step:
    return plan.get(url, headers=_auth(key), checks={"200": plan.status(200)})


def _auth(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def sessions(names: Sequence[str]) -> plan.Feeder:
    """For `run`: its `.name` in a URL is that session which is the user's own."""
    return plan.feeder("sessions", rows=[{"name": name} for name in names], mode="per-vu")


def run(steps: Sequence[Step], own: plan.Feeder, options: Mapping[str, Any]) -> Load:
    """Each user goes through the steps again and again; the options are k6's (`vus`, `duration`, ...)."""
    result = k9.run(plan.Plan(steps, options=options, feeders=[_TEXTS, own]))
    took, sent = result.metric("http_req_duration"), result.metric("http_reqs")
    failed = sent["count"] - result.checks_passed
    return Load(int(sent["count"]), sent["rate"], took["med"], took["p(99)"], int(failed), result.iterations)
