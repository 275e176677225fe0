"""What random histories are made of."""

from __future__ import annotations

from hypothesis import strategies as st

from turnkeep.testing.builders import APP, message, tool_result, tool_use

TICK = 500
CALLS = ["c1", "c2", "c3"]
EXTERNALS = st.sampled_from([None, None, "x1", "x2", "x3"])
TOKENS = st.integers(0, 30)
AUTHORS = st.sampled_from([None, "ann", "bob"])
PLAIN = st.builds(
    message,
    st.sampled_from(["user", "user", "assistant", "system"]),
    st.sampled_from(["a", "b", "é🙂"]),
    tokens=TOKENS,
    external_id=EXTERNALS,
    author_id=AUTHORS,
)
USES = st.builds(tool_use, st.sampled_from(CALLS), st.sampled_from(CALLS), tokens=TOKENS, external_id=EXTERNALS)
RESULTS = st.builds(tool_result, st.sampled_from([*CALLS, "never"]), tokens=TOKENS, external_id=EXTERNALS)
SCALARS = st.sampled_from([None, 0, 1.5, "ü", [1, None]])
PATCHES = st.dictionaries(
    st.sampled_from("abc"), SCALARS | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2), max_size=3
)
KEYS = st.tuples(
    st.sampled_from([APP, APP, "other"]),
    st.sampled_from(["telegram", "telegram", "web"]),
    st.sampled_from(["1", "1", "2"]),
)
PICK = st.integers(0, 30)  # an index into what there is, modulo
