"""A store's tests inherit the contract whole: they may add cases, never override one."""

import importlib.util
import inspect
from pathlib import Path

import pytest

from turnkeep.testing import StoreContract
from turnkeep.testing.store_contract import Case

FILES = sorted(Path(__file__).parent.glob("test_*.py"))
HOOKS = {name for name in vars(Case) if not name.startswith("_")} - {"sound", "pytestmark"}


def subclasses(path: Path) -> list[type[StoreContract]]:
    spec = importlib.util.spec_from_file_location(f"house_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    classes = (one for _, one in inspect.getmembers(module, inspect.isclass))
    return [one for one in classes if issubclass(one, StoreContract) and one is not StoreContract]


def overridden(one: type[StoreContract]) -> set[str]:
    """What a subclass gives that the contract has, its fixture and hooks apart."""
    mine = {name for base in one.__mro__ if base not in StoreContract.__mro__ for name in vars(base)}
    return {name for name in mine & set(dir(StoreContract)) if not name.startswith("__")} - HOOKS


@pytest.mark.parametrize("path", [path for path in FILES if path != Path(__file__)], ids=lambda path: path.stem)
def test_no_case_is_overridden(path: Path) -> None:
    assert {one.__name__: overridden(one) for one in subclasses(path) if overridden(one)} == {}


def test_the_house_sees_an_override() -> None:
    name = "test_a_message_never_changes"
    mixin = type("Mixin", (), {name: None, "test_more": None, "store": None, "rows": None})
    assert overridden(type("TestBad", (mixin, StoreContract), {})) == {name}


def test_no_part_of_the_contract_hides_another() -> None:
    names = [name for part in StoreContract.__mro__ for name in vars(part) if name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


def test_every_store_has_its_contract() -> None:
    found = [one for path in FILES if path != Path(__file__) for one in subclasses(path)]
    assert found
