"""The promises of the front door, as tests: one class, which the tests of everything with its calls inherit, and never override.

class TestMyManager(ManagerContract):
    @pytest.fixture
    async def open_manager(self, tmp_path):
        opened = []

        async def factory(*, clock=time.time, app="default", **settings):
            settings = Settings(app=app, **({"cleanup_interval": 0} | settings))
            opened.append(await SessionManager.open(f"sqlite:///{tmp_path}/chats.db", settings=settings, clock=clock))
            return opened[-1]

        yield factory
        for manager in opened:
            await manager.close()
"""

from __future__ import annotations

from turnkeep.testing.manager_contract.apart import Apart
from turnkeep.testing.manager_contract.batches import Batches, Once
from turnkeep.testing.manager_contract.case import Case, Clock, OpenManager
from turnkeep.testing.manager_contract.conditions import Conditions
from turnkeep.testing.manager_contract.contexts import Contexts
from turnkeep.testing.manager_contract.events import Events, Figures
from turnkeep.testing.manager_contract.expiry import Expiry
from turnkeep.testing.manager_contract.finding import Finding
from turnkeep.testing.manager_contract.listening import Listening
from turnkeep.testing.manager_contract.messages import Messages
from turnkeep.testing.manager_contract.pins import Pins
from turnkeep.testing.manager_contract.recalling import Recalling
from turnkeep.testing.manager_contract.refusals import Refusals
from turnkeep.testing.manager_contract.removal import Removal
from turnkeep.testing.manager_contract.sessions import Sessions
from turnkeep.testing.manager_contract.states import States
from turnkeep.testing.manager_contract.usage import Usage
from turnkeep.testing.manager_contract.windows import Windows

__all__ = ["Case", "Clock", "ManagerContract", "OpenManager"]


class ManagerContract(
    Sessions,
    Finding,
    Expiry,
    Messages,
    Batches,
    Once,
    Conditions,
    Refusals,
    Contexts,
    Windows,
    Recalling,
    Pins,
    States,
    Events,
    Figures,
    Usage,
    Listening,
    Removal,
    Apart,
):
    """Every promise of `turnkeep.SessionManager`'s calls."""
