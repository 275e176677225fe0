"""The contract of `turnkeep.stores.base`, as tests: one class, which each store's tests inherit and never override."""

from __future__ import annotations

from turnkeep.testing.store_contract.api_keys import ApiKeys
from turnkeep.testing.store_contract.appends import Appends
from turnkeep.testing.store_contract.calibrations import Calibrations
from turnkeep.testing.store_contract.case import Case
from turnkeep.testing.store_contract.erasure import Erasure
from turnkeep.testing.store_contract.events import Events
from turnkeep.testing.store_contract.fidelity import Fidelity
from turnkeep.testing.store_contract.guards import Guards
from turnkeep.testing.store_contract.inbox import Inboxes
from turnkeep.testing.store_contract.isolation import Isolation
from turnkeep.testing.store_contract.leases import Leasing
from turnkeep.testing.store_contract.listeners import Listeners
from turnkeep.testing.store_contract.moving import Moving
from turnkeep.testing.store_contract.parallel import Parallel
from turnkeep.testing.store_contract.pins import Pins
from turnkeep.testing.store_contract.places import Places
from turnkeep.testing.store_contract.sessions import Sessions
from turnkeep.testing.store_contract.states import States
from turnkeep.testing.store_contract.successors import Successors
from turnkeep.testing.store_contract.summaries import Summaries
from turnkeep.testing.store_contract.upkeep import Upkeep
from turnkeep.testing.store_contract.windows import Windows

__all__ = ["Case", "StoreContract"]


class StoreContract(
    Sessions,
    Successors,
    Appends,
    Fidelity,
    Windows,
    Summaries,
    Pins,
    States,
    Events,
    Calibrations,
    ApiKeys,
    Erasure,
    Upkeep,
    Listeners,
    Parallel,
    Guards,
    Inboxes,
    Leasing,
    Isolation,
    Places,
    Moving,
):
    """Every promise of `turnkeep.stores.base.Store`."""
