"""All benchmarks but `large_file` and `soak`, as one table. `--rounds N` for a quick look."""

from __future__ import annotations

import sys

from benchmarks import context, file_growth, http, latency, length, measure, memory, memory_use, processes, turns

if __name__ == "__main__":
    lines = []
    print(measure.machine())
    for module in (turns, context, memory_use, file_growth, http, latency, length, processes, http, memory):
        print(f"{module.__name__} ...", file=sys.stderr, flush=True)
        lines += module.main(sys.argv[1:])
    measure.show(lines)
