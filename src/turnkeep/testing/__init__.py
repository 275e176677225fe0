"""What Turnkeep's own tests are made of, for the tests of those who write a store or build on one.

It needs the extra `testing`: pytest, pytest-asyncio and Hypothesis.

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def store(self):
            store = MyStore()
            await store.open()
            yield store
            await store.close()

    def test_random_histories():
        run_state_machine(lambda folder: MyStore(folder / "chats"), persists=True)
"""

from __future__ import annotations

from turnkeep.errors import MissingExtra

try:  # all three, so that whatever is missing is said here (F401: one is used)
    import hypothesis as _hypothesis  # noqa: F401
    import pytest as _pytest
    import pytest_asyncio as _pytest_asyncio  # noqa: F401
except ImportError as error:
    raise MissingExtra("turnkeep.testing", "testing") from error

# What follows is imported late (E402), for its assertions are rewritten only if that was asked for before.
_pytest.register_assert_rewrite(
    "turnkeep.testing.builders",
    "turnkeep.testing.everything",
    "turnkeep.testing.manager_contract",
    "turnkeep.testing.store_contract",
)

from turnkeep.testing.builders import (  # noqa: E402
    APP,
    NOW,
    event,
    image,
    listen,
    message,
    new_session,
    opened,
    refused,
    said,
    summary,
    tool_result,
    tool_use,
)
from turnkeep.testing.manager_contract import ManagerContract  # noqa: E402
from turnkeep.testing.state_machine import StoreMachine, run_state_machine  # noqa: E402
from turnkeep.testing.store_contract import StoreContract  # noqa: E402

__all__ = [
    "APP",
    "NOW",
    "ManagerContract",
    "StoreContract",
    "StoreMachine",
    "event",
    "image",
    "listen",
    "message",
    "new_session",
    "opened",
    "refused",
    "run_state_machine",
    "said",
    "summary",
    "tool_result",
    "tool_use",
]
