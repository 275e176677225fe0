"""Moving rows between stores: `migrate` makes an empty store hold all that another one does, and proves it."""

from __future__ import annotations

from turnkeep.transfer.compare import Compared
from turnkeep.transfer.mark import Mark
from turnkeep.transfer.migrate import migrate
from turnkeep.transfer.tally import Tally

__all__ = ["Compared", "Mark", "Tally", "migrate"]
