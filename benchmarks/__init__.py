"""Benchmarks: each module is one measure beside its floor or peer of the same run. `./dev bench NAME`; see docs/BENCHMARKS.md."""
