"""The reference says what is there: each setting, call, record, error, command and table, by name, and nothing else."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import runpy
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

import click
import msgspec
import pytest
from tests.docs.pages import GUIDE, PAGES, ROOT, anchors, blocks, codes, links, section, table

from turnkeep import Context, Message, Session, SessionManager, SessionStats, Settings, Stats, Summary, errors, session, sync
from turnkeep.cli.app import cli
from turnkeep.cli.later import Later
from turnkeep.errors import StoreError, TurnkeepError
from turnkeep.session import UNSET
from turnkeep.settings import _RANGES, MAX_TOKEN_LIMIT, load

# --- settings

RANGES = {name: (low, high) for name, low, high in _RANGES} | {"token_limit": (1, MAX_TOKEN_LIMIT)}
FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}
SETTINGS = {codes(row[0])[0]: row for row in table(section(GUIDE, "Configuration"))}


def _type(name: str, kind: Any) -> str:
    if get_origin(kind) is Literal:
        *first, last = [f"`{choice}`" for choice in get_args(kind)]
        return f"{', '.join(first)} or {last}"
    if isinstance(kind, UnionType):
        [one] = [part for part in get_args(kind) if part is not NoneType]
        return f"{_type(name, one)}, or none"
    if kind is bool:
        return "`true` or `false`"
    if kind in (int, float):
        low, high = RANGES[name]
        return (
            f"{'whole number' if kind is int else 'number'}, {low:g} to {high:.0f}"
            if high > 1
            else f"number, {low:g} to {high:g}"
        )
    return {str: "text", tuple[str, ...]: "list of texts", dict[str, str]: "texts by name"}[kind]


def _default(value: Any) -> str:
    if value is None:
        return "none"
    if value in ((), msgspec.NODEFAULT):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:.0f}`" if isinstance(value, float) and value.is_integer() else f"`{value}`"


def test_every_setting_is_in_the_table_and_no_other() -> None:
    assert list(SETTINGS) == list(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_setting_is_documented_as_it_is(name: str) -> None:
    _, variable, kind, default, meaning = SETTINGS[name]
    assert codes(variable) == [f"TURNKEEP_{name.upper()}"]
    assert kind == _type(name, FIELDS[name].type)
    assert default == _default(FIELDS[name].default)
    assert meaning


def test_the_environment_example_says_the_same_as_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [env] = [block.code for block in blocks(GUIDE) if block.info == "env"]
    from_environment = load(environ=dict(line.split("=", 1) for line in env.splitlines()))
    [toml] = [block.code for block in blocks(GUIDE) if block.info == "toml"]
    Path("turnkeep.toml").write_text(toml, "utf-8")
    assert load(environ={}) == from_environment


# --- calls

SIGNATURE = re.compile(r"^`(?:SessionManager\.)?(\w+)(\(.*\))` → (.+)$", re.MULTILINE)
DOCUMENTED = {name: (signature, result) for name, signature, result in SIGNATURE.findall(section(GUIDE, "SessionManager"))}
PUBLIC = [name for name in dir(SessionManager) if not name.startswith("_")]
CALLS = [name for name in PUBLIC if not isinstance(inspect.getattr_static(SessionManager, name), property)]
Parameter = tuple[str, str, str | None]


def _documented(signature: str) -> list[Parameter]:
    """Name, kind and default of each parameter."""
    function = ast.parse(f"def f{signature}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    given = function.args
    defaults = [None] * (len(given.args) - len(given.defaults)) + [*given.defaults]
    pairs = [("plain", arg, default) for arg, default in zip(given.args, defaults, strict=True)]
    pairs += [("keyword", arg, default) for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    found = [(arg.arg, kind, None if default is None else ast.unparse(default)) for kind, arg, default in pairs]
    return found + ([(given.kwarg.arg, "rest", None)] if given.kwarg else [])


def _actual(call: Any) -> list[Parameter]:
    kinds = {"POSITIONAL_OR_KEYWORD": "plain", "KEYWORD_ONLY": "keyword", "VAR_KEYWORD": "rest"}
    parameters = [one for one in inspect.signature(call).parameters.values() if one.name != "self"]
    return [(one.name, kinds[one.kind.name], _shown(one.default)) for one in parameters]


def _shown(default: Any) -> str | None:
    if default is inspect.Parameter.empty:
        return None
    return "..." if default is UNSET else "time.time" if default is time.time else repr(default)


def test_every_public_call_is_documented_and_no_other() -> None:
    assert sorted(DOCUMENTED) == sorted(CALLS)
    for name in set(PUBLIC) - set(CALLS):
        assert f"`{name}` →" in section(GUIDE, "SessionManager")


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_documented_as_it_is(name: str) -> None:
    signature, result = DOCUMENTED.get(name, ("()", ""))
    call = getattr(SessionManager, name)
    assert _documented(signature) == _actual(call)
    returned = inspect.signature(call).return_annotation
    assert codes(result) == [{"JsonObject": "dict", "Self": "SessionManager"}.get(returned, returned)]


@pytest.mark.parametrize("name", CALLS)
def test_sync_has_the_same_call(name: str) -> None:
    if name != "open":
        assert _actual(getattr(sync.SessionManager, name)) == _actual(getattr(SessionManager, name))


# --- records

RECORDS: list[type] = [
    Session,
    Message,
    Context,
    session.LeftOut,
    Summary,
    session.Event,
    session.Change,
    Stats,
    SessionStats,
    session.Cleaned,
    session.Erased,
]
INTERNAL = {"status_at", "hides", "same_as"}  # for the stores


def _members(record: type) -> set[str]:
    """Fields, properties and methods that are for users."""
    fields = set(record.__struct_fields__)  # type: ignore[attr-defined]
    own = [name for base in record.__mro__ if base.__module__.startswith("turnkeep.") for name in vars(base)]
    found = {name for name in own if isinstance(inspect.getattr_static(record, name), property | cached_property)}
    methods = {f"{name}()" for name in own if inspect.isfunction(inspect.getattr_static(record, name))}
    return {name for name in fields | found | methods if not name.startswith("_") and name.removesuffix("()") not in INTERNAL}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_of_a_record_is_documented_and_no_other(record: type) -> None:
    text = section(GUIDE, record.__name__)
    named = [code for row in table(text) for code in codes(row[0])] or codes(text)
    assert sorted(named) == sorted(_members(record))


def test_the_parts_of_statistics_and_the_reasons_of_a_gap_are_all_there() -> None:
    by_interface = next(row[1] for row in table(section(GUIDE, "Stats")) if "by_interface" in row[0])
    assert codes(by_interface) == ["InterfaceStats", *session.InterfaceStats.__struct_fields__]
    pool = next(row[1] for row in table(section(GUIDE, "Stats")) if "pool" in row[0])
    assert set(codes(pool)) == {"PoolStats", "None", *session.PoolStats.__struct_fields__}
    reasons = get_args(session.LeftOut.__annotations__["reason"]) or ast.literal_eval(
        session.LeftOut.__annotations__["reason"].removeprefix("Literal")
    )
    assert [codes(row[0])[0] for row in table(section(GUIDE, "How a context is built"))] == list(reasons)


# --- errors


def _errors(root: type[TurnkeepError] = TurnkeepError) -> Iterator[type[TurnkeepError]]:
    if root.__module__ == errors.__name__:
        yield root
    for kind in root.__subclasses__():
        yield from _errors(kind)


def test_every_error_is_documented_with_its_code_and_no_other() -> None:
    rows = table(section(GUIDE, "Errors"))
    assert {codes(row[0])[0]: codes(row[1])[0] for row in rows} == {kind.__name__: kind.code for kind in _errors()}


def test_every_error_of_the_store_has_its_paragraph() -> None:
    text = section(GUIDE, "Troubleshooting")
    for kind in _errors(StoreError):
        assert re.search(rf"^\*\*`{kind.__name__}`", text, re.MULTILINE), kind.__name__


# --- command line


def _commands(group: click.Group, path: str = "turnkeep") -> Iterator[tuple[str, click.Command]]:
    for name, each in group.commands.items():
        command = each.command() if isinstance(each, Later) else each
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _options(command: click.Command) -> set[str]:
    with click.Context(command) as context:
        return {option for one in command.get_params(context) if isinstance(one, click.Option) for option in one.opts}


COMMANDS = dict(_commands(cli))
COMMON = {"--db", "--app", "--json", "-h", "--help"}
NOT_OF = {"turnkeep migrate": {"--db", "--app"}}  # it names two databases, and moves every app


def _command_rows() -> dict[str, str]:
    text = section(GUIDE, "Command line")
    rows = table(text[text.index("| command ") :])
    return {re.sub(r" (\[?FILE\]?|ID|SOURCE_URL TARGET_URL)$", "", codes(row[0])[0]): row[1] for row in rows}


def test_every_command_is_documented_and_no_other() -> None:
    assert sorted(_command_rows()) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_documented_and_no_other(name: str) -> None:
    named = {code.split()[0] for code in codes(_command_rows().get(name, "")) if code.startswith("-")}
    assert named | COMMON - NOT_OF.get(name, set()) == _options(COMMANDS[name]) | {"-h"}


def test_the_common_options_are_documented() -> None:
    rows = table(section(GUIDE, "Command line"))
    assert {code.split()[0] for row in rows for code in codes(row[0])} == COMMON


# --- the rest


def test_every_table_of_the_database_is_documented_and_no_other() -> None:
    scripts = (ROOT / "src/turnkeep/stores/sqlite/sql").glob("*.sql")
    made = [name for script in scripts for name in re.findall(r"CREATE TABLE (\w+)", script.read_text("utf-8"))]
    assert sorted(codes(row[0])[0] for row in table(section(GUIDE, "The data model"))) == sorted(made)


def test_every_verb_of_dev_is_in_contributing_and_no_other() -> None:
    verbs = runpy.run_path(str(ROOT / "dev"), run_name="dev")["VERBS"]
    assert [codes(row[0])[0].split()[1] for row in table(section(ROOT / "CONTRIBUTING.md", "Set up"))] == list(verbs)


def test_what_the_page_says_to_import_is_there() -> None:
    exported = codes(section(GUIDE, "API reference").split("The other errors")[0])
    package = importlib.import_module("turnkeep")
    assert sorted(exported) == sorted(["turnkeep", *package.__all__])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_no_path_of_a_machine(page: Path) -> None:
    assert re.findall(r"(?<!:/)(?:/work/|/home/|/root/|/tmp/|\.\./shared|localhost)", page.read_text("utf-8")) == []
