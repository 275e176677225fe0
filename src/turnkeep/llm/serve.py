"""The process of a model on this machine: reads what to serve from its standard input, writes its address, and ends with the input.

Invariant: it listens on the loopback only, answers nobody without its key, and is never there without who started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from typing import Any

import xllamacpp

NICENESS = 5  # it gives way to who serves
LOOK = 2.0  # seconds between two looks who its parent is


def served(wanted: dict[str, Any]) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path = wanted["path"]
    params.api_keys = [wanted["key"]]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel = wanted["window"], 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wanted["threads"]
    params.n_threads_http = 2
    params.ui, params.warmup, params.verbosity = False, False, 0
    return xllamacpp.Server(params)


def main() -> None:
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    parent = os.getppid()
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    server = served(json.loads(sys.stdin.buffer.readline()))
    os.write(answers, server.listening_address.encode() + b"\n")
    while os.getppid() == parent:
        if select.select([0], [], [], LOOK)[0] and not os.read(0, 1):
            break
    os._exit(0)
