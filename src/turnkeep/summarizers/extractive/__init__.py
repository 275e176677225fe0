"""A summary made of the conversation's own words: no key, no network, no model, the same every time.

    >>> Extractive(timezone="Europe/Berlin").summarize(messages, max_tokens=500)

Each line is a speaker with verbatim fragments of that speaker, or a tool call with its outcome:

    user: a table for 2 people; tomorrow [8 March] at half past 7
    ReserveTable(restaurant=Sino, city=San Jose, time=half past 7) -> ok, phone=408-247-8880

`records` gives what stands behind the lines; `fold` makes one summary of several by dropping records, never by summarizing prose.

Invariant: what knows words and forms of many languages, and takes 0.1 s to load for it, is imported when it is first asked for; records
are at hand without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from turnkeep.summarizers.extractive.records import Record, after, from_json, to_json

__all__ = ["Context", "Extractive", "Record", "after", "extract", "from_json", "to_json"]

if TYPE_CHECKING:
    from turnkeep.summarizers.extractive.context import Context
    from turnkeep.summarizers.extractive.extraction import extract
    from turnkeep.summarizers.extractive.summarizer import Extractive
else:
    _HOMES = {"Context": "context", "Extractive": "summarizer", "extract": "extraction"}

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value
