"""A minute of 1,000 sessions over the HTTP API, from a compiled generator, and 100 listeners: `./dev bench soak` goes on for five, and
judges more."""

import tempfile
from pathlib import Path

import pytest
from benchmarks.soak import LISTENERS, SESSIONS, soak

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


@pytest.mark.timeout(600)
def test_a_thousand_sessions_talk_for_a_minute() -> None:
    """However busy the machine is, no request fails, and each turn that was acknowledged is stored, and told to who listens, once and
    in order."""
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as place:  # a disk: the system's own folder may lie in memory
        found = soak(Path(place), SECONDS)
    assert found.load.failed == 0
    assert found.faults == []
    assert found.load.requests > 2 * SESSIONS
    assert found.heard > LISTENERS
