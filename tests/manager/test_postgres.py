"""`SessionManager` keeps its contract over PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.manager.over_stores import OverStore

from turnkeep.stores.base import Store
from turnkeep.stores.postgres import PostgresStore


class TestPostgres(OverStore):
    @pytest.fixture(autouse=True)
    def one_database(self, pooled: str) -> None:
        self.url = pooled

    def store(self, folder: Path) -> Store:
        return PostgresStore(self.url)
