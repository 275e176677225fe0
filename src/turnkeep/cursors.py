"""A place among the changes of a session.

Invariant: pure. As text it is opaque, and is refused for another session than its own.
"""

from __future__ import annotations

import re
from typing import Self
from zlib import crc32

import msgspec
from msgspec.structs import astuple

from turnkeep import checks
from turnkeep.errors import InvalidInput

_CURSOR = re.compile(r"([0-9a-f]{8})((?:-[0-9]{1,18}){4})")


class Cursor(msgspec.Struct, frozen=True):
    """How much of a session was told: all up to a version, and of what came after it the rows up to these numbers."""

    version: int
    seq: int
    event: int
    summary: int

    @classmethod
    def parse(cls, session_id: str, shown: object) -> Self:
        """What `shown` has made for this session."""
        found = _CURSOR.fullmatch(checks.identifier("after", shown))
        if found is None:
            raise InvalidInput("after", "is no cursor of a change")
        if found[1] != _checksum(session_id):
            raise InvalidInput("after", "is a cursor of another session")
        return cls(*map(int, found[2][1:].split("-")))

    def shown(self, session_id: str) -> str:
        """As text: opaque to those who get it, and refused for another session."""
        return "-".join([_checksum(session_id), *map(str, astuple(self))])


def _checksum(session_id: str) -> str:
    return f"{crc32(session_id.encode()):08x}"
