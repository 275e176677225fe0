"""What inherits the manager's contract inherits it whole: it may add cases, never override one."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from turnkeep.testing.manager_contract import Case, ManagerContract

FILES = sorted(path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))
HOOKS = {"open_manager", "summarized", "holds"}


def subclasses(path: Path) -> list[type[ManagerContract]]:
    module = importlib.import_module(f"tests.manager.{path.stem}")
    classes = (one for _, one in inspect.getmembers(module, inspect.isclass))
    return [one for one in classes if issubclass(one, ManagerContract) and one is not ManagerContract]


def overridden(one: type[ManagerContract]) -> set[str]:
    """What a subclass gives that the contract has, its fixture and hooks apart."""
    mine = {name for base in one.__mro__ if base not in ManagerContract.__mro__ for name in vars(base)}
    return {name for name in mine & set(dir(ManagerContract)) if not name.startswith("__")} - HOOKS


def test_the_hooks_are_the_contracts() -> None:
    assert set(vars(Case)) >= HOOKS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_case_is_overridden(path: Path) -> None:
    assert {one.__name__: overridden(one) for one in subclasses(path) if overridden(one)} == {}


def test_the_house_sees_an_override() -> None:
    name = "test_an_existing_session_is_returned_unchanged"
    mixin = type("Mixin", (), {name: None, "test_more": None, "open_manager": None})
    assert overridden(type("TestBad", (mixin, ManagerContract), {})) == {name}


def test_no_part_of_the_contract_hides_another() -> None:
    names = [name for part in ManagerContract.__mro__ for name in vars(part) if name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


def test_it_runs_over_every_kind_of_store() -> None:
    names = {one.__name__ for path in FILES for one in subclasses(path)}
    assert {"TestCached", "TestUncached", "TestMemory"} <= names


def test_the_contract_calls_every_public_coroutine() -> None:
    """But those that are about the database as a whole, and have tests of their own."""
    from_source = "".join(inspect.getsource(part) for part in ManagerContract.__mro__ if part is not object)
    helpers = inspect.getsource(importlib.import_module("turnkeep.testing.manager_contract.case"))
    manager = importlib.import_module("turnkeep").SessionManager
    calls = {name for name, _ in inspect.getmembers(manager, inspect.iscoroutinefunction) if not name.startswith("_")}
    missing = {name for name in calls if f".{name}(" not in from_source + helpers}
    assert missing == {"backup", "sizes"}
