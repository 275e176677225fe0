"""Tools in Python: a function with types and a docstring, as a model can call it.

Invariant: arguments are judged against the function's own signature before it runs; whatever goes wrong is told in words, as the
call's result, and never raised.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import secrets
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from turnkeep.errors import InvalidInput
from turnkeep.session import JsonObject

log = logging.getLogger("turnkeep.agents")
MAX_RESULT_CHARS = 100_000  # of a result; the rest is cut off, visibly


class Tool(msgspec.Struct, frozen=True):
    """`arguments` is the struct that a call's JSON is decoded into."""

    name: str
    description: str
    function: Callable[..., Any]
    arguments: type[msgspec.Struct]

    def schema(self) -> JsonObject:
        """In OpenAI's shape."""
        [_], shapes = msgspec.json.schema_components([self.arguments])
        shape = {key: value for key, value in shapes[self.arguments.__name__].items() if key != "title"}
        return {"type": "function", "function": {"name": self.name, "description": self.description, "parameters": shape}}

    def call(self, arguments: JsonObject) -> JsonObject:
        """A call of it, in OpenAI's shape, with a new id."""
        function = {"name": self.name, "arguments": json.dumps(arguments, ensure_ascii=False)}
        return {"id": "call_" + secrets.token_urlsafe(12), "type": "function", "function": function}

    async def run(self, arguments: str) -> tuple[str, str]:
        """`ok` and the result as text, or `error` and what went wrong. A plain function runs on a thread."""
        try:
            given = msgspec.structs.asdict(msgspec.json.decode(arguments or "{}", type=self.arguments))
        except msgspec.MsgspecError as error:
            return "error", f"The arguments of {self.name} cannot be used: {error}"
        try:
            if inspect.iscoroutinefunction(self.function):
                found = await self.function(**given)
            else:
                found = await asyncio.to_thread(self.function, **given)
            return "ok", as_text(found)
        except Exception as error:
            log.warning("the tool %s failed", self.name, exc_info=error)
            return "error", f"{self.name} failed: {type(error).__name__}: {error}"


def as_text(found: Any) -> str:
    """A tool's result as a message's content: a string as it is, all else as JSON."""
    text = found if isinstance(found, str) else msgspec.json.encode(found, enc_hook=str).decode()
    if len(text) > MAX_RESULT_CHARS:
        text = f"{text[:MAX_RESULT_CHARS]}\n[cut off: the result has {len(text):,} characters]"
    return text


def tool(function: Callable[..., Any]) -> Tool:
    """Make a tool of a function: its name, its docstring, and a schema from its signature."""
    hints = get_type_hints(function)
    fields: list[Any] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InvalidInput("tools", f"{function.__name__} takes {parameter}: a tool's parameters must have names")
        field = (name, hints.get(name, Any))
        fields.append(field if parameter.default is parameter.empty else (*field, parameter.default))
    shape = msgspec.defstruct(function.__name__, fields, kw_only=True, forbid_unknown_fields=True)
    return Tool(function.__name__, inspect.cleandoc(function.__doc__ or ""), function, shape)
