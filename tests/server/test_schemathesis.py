"""Schemathesis against `turnkeep serve` over a real file: what the OpenAPI document says and what the server does are one.

All checks are on, with good data and bad, the document's examples, and chains of calls along its links. By hand, with other data:

    turnkeep serve --db sqlite:///try.db
    PYTHONPATH=. st --config-file tests/server/schemathesis.toml run $URL/openapi.json -H "Authorization: Bearer $KEY" -n 1000 --seed 7

for chains with `CHAINS=1` before it and `--phases stateful` behind it.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.server.conftest import serving

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = {"examples,coverage": "5", "fuzzing": "5", "stateful": "30"}  # of each call; chains of calls


@pytest.mark.timeout(600)
@pytest.mark.parametrize("phases", EXAMPLES)
def test_the_server_does_what_the_document_says(tmp_path: Path, phases: str) -> None:
    with serving(tmp_path) as server:
        key = f"Authorization: Bearer {server.told['key']}"
        chains = {"CHAINS": "1"} if phases == "stateful" else {}
        program = Path(sys.executable).with_name("st")
        words: list[str | Path] = ["--config-file", CONFIG, "run", f"{server.url}/openapi.json", "-H", key, "--phases", phases]
        words += ["-n", EXAMPLES[phases], "--generation-deterministic"]
        done = subprocess.run(
            [str(program), *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"} | chains,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
        for phase in phases.split(","):
            assert f"✅  {phase.capitalize()} (" in done.stdout, done.stdout
        assert server.end(signal.SIGTERM) == 0
        assert "Traceback" not in server.stderr()
