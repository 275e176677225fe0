"""A Discord of one's own."""

from collections.abc import AsyncIterator

import pytest

from turnkeep.testing.discord import DiscordEmulator


@pytest.fixture
async def emulator() -> AsyncIterator[DiscordEmulator]:
    async with DiscordEmulator() as made:
        yield made
