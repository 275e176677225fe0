"""Finding sessions again: by conversation, and in lists."""

from __future__ import annotations

from typing import Any

import pytest

from turnkeep.errors import InvalidInput
from turnkeep.manager import SessionManager
from turnkeep.testing.manager_contract.case import DAY, Case, Clock, chat, figures, raises


class Finding(Case):
    """`find_by_conversation` and `list_sessions`."""

    async def test_nothing_is_found_of_a_conversation_that_never_was(self, manager: SessionManager) -> None:
        await chat(manager)
        assert await manager.find_by_conversation(124) is None
        assert await manager.find_by_conversation(123, "web") is None

    async def test_the_newest_over_all_interfaces(self, manager: SessionManager) -> None:
        made = [await chat(manager, interface_type=kind) for kind in ("web", "telegram", "discord")]
        found = await manager.find_by_conversation(123)
        assert found is not None
        assert figures(found) == figures(made[2])
        for session in made:
            one = await manager.find_by_conversation("123", session.interface_type)
            assert one is not None
            assert one.id == session.id

    async def test_only_active_ones_are_found(self, manager: SessionManager, clock: Clock) -> None:
        telegram = await chat(manager)
        discord = await chat(manager, interface_type="discord", expires_in=60)
        await manager.deactivate_session((await chat(manager, interface_type="web")).id)
        clock.advance(59.999)
        assert (found := await manager.find_by_conversation(123)) is not None
        assert found.id == discord.id
        clock.advance(0.001)
        assert (found := await manager.find_by_conversation(123)) is not None
        assert found.id == telegram.id
        assert await manager.find_by_conversation(123, "discord") is None
        clock.advance(DAY)
        assert await manager.find_by_conversation(123) is None

    async def test_finding_makes_and_changes_nothing(self, manager: SessionManager, clock: Clock) -> None:
        assert await manager.find_by_conversation(123) is None
        assert await manager.list_sessions() == []
        session = await chat(manager)
        clock.advance(5)
        await manager.find_by_conversation(123)
        await manager.list_sessions()
        assert figures(await manager.get_session(session.id)) == figures(session)

    async def test_pages_run_from_the_newest_to_the_oldest(self, manager: SessionManager) -> None:
        made = [(await chat(manager, number)).id for number in range(7)]
        pages: list[list[str]] = []
        before = None
        while page := await manager.list_sessions(before=before, limit=3):
            pages.append([session.id for session in page])
            before = page[-1].id
        assert [len(page) for page in pages] == [3, 3, 1]
        assert sum(pages, []) == made[::-1]
        assert [session.id for session in await manager.list_sessions()] == made[::-1]

    async def test_the_default_page_is_50(self, manager: SessionManager) -> None:
        for number in range(52):
            await chat(manager, number)
        assert len(await manager.list_sessions()) == 50
        assert len(await manager.list_sessions(limit=1000)) == 52

    async def test_filters_meet(self, manager: SessionManager, clock: Clock) -> None:
        ann = await chat(manager, 1)
        web = await chat(manager, 2, interface_type="web")
        bob = await chat(manager, 3, external_user_id="bob")
        nobody = await chat(manager, 4, external_user_id=None)
        short = await chat(manager, 5, expires_in=60)
        await manager.deactivate_session(bob.id)
        clock.advance(60)

        async def listed(**filters: Any) -> list[str]:
            return [session.id for session in await manager.list_sessions(**filters)]

        assert await listed(conversation_id=2) == await listed(conversation_id="2") == [web.id]
        assert await listed(conversation_id=2, interface_type="telegram") == []
        assert await listed(conversation_id=3, status="active") == []
        assert await listed(status="active") == [nobody.id, web.id, ann.id]
        assert await listed(status="inactive") == [bob.id]
        assert await listed(status="expired") == [short.id]
        assert await listed(interface_type="web") == [web.id]
        assert await listed(external_user_id="ann") == [short.id, web.id, ann.id]
        assert await listed(external_user_id="ann", interface_type="telegram", status="active") == [ann.id]
        assert await listed(status="active", before=web.id) == [ann.id]
        assert await listed(external_user_id="carl") == []
        assert [session.status for session in await manager.list_sessions(before=nobody.id, limit=1)] == ["inactive"]

    async def test_the_status_is_by_the_clock(self, manager: SessionManager, clock: Clock) -> None:
        session = await chat(manager, expires_in=60)
        clock.advance(60)
        assert (await manager.get_session(session.id)).status == "expired"
        assert [one.status for one in await manager.list_sessions()] == ["expired"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *(("status", value) for value in ("open", "", 1)),
            *(("interface_type", value) for value in ("", 5)),
            *(("external_user_id", value) for value in ("", 1.5)),
            *(("before", value) for value in ("", 5)),
            *(("limit", value) for value in (0, -1, 1001, True, "5", 1.0)),
        ],
        ids=str,
    )
    async def test_bad_filters_name_their_field(self, manager: SessionManager, field: str, value: Any) -> None:
        with raises(InvalidInput, field):
            await manager.list_sessions(**{field: value})

    async def test_bad_names_of_a_conversation(self, manager: SessionManager) -> None:
        bad: list[Any] = ["", None, True, 1.5, "x" * 513]
        for value in bad:
            with raises(InvalidInput, "conversation_id"):
                await manager.find_by_conversation(value)
        with raises(InvalidInput, "interface_type"):
            await manager.find_by_conversation(123, "")
