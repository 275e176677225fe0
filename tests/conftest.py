"""Settings of every test run. Under CI=true nothing is skipped in silence: a skipped test fails the run."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

pytest_plugins = ["tests.servers"]
IN_CI = os.environ.get("CI") == "true"

# The same examples on every run of the gate; no deadline, since a busy machine is not a bug.
settings.register_profile("turnkeep", deadline=None, derandomize=IN_CI, print_blob=True)
settings.load_profile("turnkeep")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where that can be: what a disk's sync is good for is not what these cases are about."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(prefix="turnkeep-", dir=memory) as name:
        yield Path(name)


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter and IN_CI else 0


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := _skipped(config):
        terminalreporter.write_line(f"CI=true: {count} skipped, so this run fails", red=True)
