"""An append in a transaction of its own: what `append_batch` passes over, because it may have to be refused, or may be there already.

Invariant: everything that can be refused is looked up, in as many statements for a thousand messages as for one, before the first row
is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from turnkeep.errors import Conflict
from turnkeep.session import Appended, Message, NewMessage, Session
from turnkeep.stores import rows, rules
from turnkeep.stores.postgres.transaction import Transaction

_STORED = ", ".join(f"m.{name}" for name in rows.MESSAGE_COLUMNS.split(", "))
_KNOWN = (
    f"SELECT {_STORED} FROM external_ids x JOIN messages m ON m.id = x.message WHERE x.root = $1 AND x.external_id = ANY ($2)"
)


async def append(
    tx: Transaction,
    app: str,
    session_id: str,
    messages: Sequence[NewMessage],
    now_ms: int,
    expected_seq: int | None,
    fixed_tokens: int | None,
) -> Appended:
    session = await tx.session(app, session_id)
    known = await _known(tx, session, messages)
    fresh = [message for message in messages if message.external_id not in known] if known else messages
    if not fresh:
        return Appended(session, tuple(known[m.external_id] for m in messages), 0)
    rules.check_expected(session, expected_seq)
    rules.check_open(session, fresh, now_ms)
    await _check_calls(tx, session, fresh)
    stored = tuple([rules.at_seq(message, seq) for seq, message in enumerate(fresh, session.seq + 1)])
    after = rules.append(session, fresh, now_ms, fixed_tokens)
    await tx.append(after, stored)
    if known:
        new = iter(stored)
        stored = tuple(known[m.external_id] if m.external_id in known else next(new) for m in messages)
    return Appended(after, stored, len(fresh))


async def _known(tx: Transaction, session: Session, messages: Sequence[NewMessage]) -> dict[str | None, Message]:
    """The stored messages whose external ids were sent again, saying the same."""
    sent: dict[str, NewMessage] = {}
    for message in messages:
        if message.external_id is None:
            continue
        if message.external_id in sent:
            raise Conflict("external_id", "two messages of the batch have the same")
        sent[message.external_id] = message
    if not sent:
        return {}
    found = await tx.messages(await tx.query(_KNOWN, session.root, list(sent)))
    stored = {str(message.external_id): message for message in found}
    return {name: rules.check_same(stored[name], message) for name, message in sent.items() if name in stored}


async def _check_calls(tx: Transaction, session: Session, messages: Sequence[NewMessage]) -> None:
    """A tool's result must name a call that stands before it."""
    batch, wanted = set[str](), set[str]()
    for message in messages:
        if message.tool_calls:
            batch.update(call["id"] for call in message.tool_calls)
        elif message.role == "tool" and message.tool_call_id not in batch:
            wanted.add(str(message.tool_call_id))
    if wanted:
        found = await tx.query(
            "SELECT DISTINCT call_id FROM calls WHERE log = $1 AND call_id = ANY ($2)", session.number, list(wanted)
        )
        if len(found) < len(wanted):
            raise rules.unknown_call()
