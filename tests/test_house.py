"""Rules of the house that no linter keeps: sizes of files, imports in functions, what the wheel carries."""

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "turnkeep"
SOURCES = sorted(PACKAGE.rglob("*.py"))
EVERYWHERE = sorted(path for folder in ("src", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
MOST_LINES = 599
CACHE = re.compile(r"__pycache__|\.")

# file: what its functions may import. A driver is loaded when a URL asks for it, and the command line's libraries behind a guard
# that names the extra to install.
IMPORTS_IN_FUNCTIONS = {
    "agents/load.py": ["turnkeep.agents"],
    "agents/pydantic.py": ["turnkeep.agents"],
    "bots/files.py": ["pypdf"],
    "bots/discord/__init__.py": ["turnkeep.bots"],
    "bots/telegram/__init__.py": ["turnkeep.bots"],
    "llm/load.py": ["turnkeep.llm"],
    "stores/__init__.py": ["turnkeep.stores"],
    "caches/__init__.py": ["turnkeep.caches"],
    "cli/__init__.py": ["turnkeep.cli"],
    "server/__init__.py": ["turnkeep.server"],
}


def _imported(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
        return [str(module)]
    return []


def imports_in_functions(tree: ast.Module, package: str) -> Iterator[tuple[int, str]]:
    """Line and module of each import below a `def`."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for inner in {node for function in functions for node in ast.walk(function)}:
        for module in _imported(inner, package):
            yield inner.lineno, module  # type: ignore[attr-defined]


def _allowed(module: str, roots: list[str]) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_is_one_idea_of_at_most_599_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_stand_at_the_top(path: Path) -> None:
    name = path.relative_to(PACKAGE)
    package = ".".join(["turnkeep", *name.parts[:-1]])
    found = imports_in_functions(ast.parse(path.read_text("utf-8")), package)
    roots = IMPORTS_IN_FUNCTIONS.get(name.as_posix(), [])
    assert sorted(hidden for hidden in found if not _allowed(hidden[1], roots)) == []


def test_the_walk_sees_an_import_at_any_depth() -> None:
    source = "import a\nclass C:\n    async def f(self):\n        if 1:\n            from .b import c\n"
    assert list(imports_in_functions(ast.parse(source), "turnkeep.stores")) == [(5, "turnkeep.stores.b")]


@pytest.mark.parametrize("lock", ["bench.txt", "dev.txt", "uv.txt"])
def test_a_lock_names_no_host_and_no_path(lock: str) -> None:
    assert not re.search(r"://|^-|@ |\.\./", (ROOT / "requirements" / lock).read_text("utf-8"), re.MULTILINE)


def test_the_wheel_carries_every_file_of_the_package(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    files = [path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*") if path.is_file()]
    ours = {path.as_posix() for path in files if not any(map(CACHE.match, path.parts))}
    assert "turnkeep/py.typed" in ours
    assert ours <= carried
