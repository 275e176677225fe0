"""Tools from MCP servers.

Invariant: a server is connected when a turn begins that may need it, and a failure of its tool is told to the model in words.
"""

from __future__ import annotations

import shlex
from typing import Any

from fastmcp.client.transports import StdioTransport
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.toolsets import AbstractToolset

from turnkeep.errors import InvalidInput

START_SECONDS = 60.0  # a program may have much to import


def toolset(name: str, place: str) -> AbstractToolset[Any]:
    """`place`: an address (`http://...`), or a command line."""
    if place.startswith(("http://", "https://")):
        return MCPToolset(place, id=name, tool_error_behavior="failed", init_timeout=START_SECONDS)
    words = shlex.split(place)
    if not words:
        raise InvalidInput("mcp_servers", f"{name} names no address and no command")
    program = StdioTransport(words[0], words[1:])
    return MCPToolset(program, id=name, tool_error_behavior="failed", init_timeout=START_SECONDS)
