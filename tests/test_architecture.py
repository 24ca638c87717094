"""Architecture tests: who may import whom, where TensorFlow may be imported, how large a file may grow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "perfgate"

FLOORS = (  # "" is perfgate/__init__.py
    {
        "",
        "cautions",
        "errors",
        "formatting",
        "metrics",
        "nearest",
        "parent_death",
        "sanitize",
        "trials",
        "version",
        "whole_file",
    },
    {"protocols"},
    {"model", "scenario"},
    {"loadgen", "observe", "payload", "serving", "sketch"},
    {"experiment", "server", "stats"},
    {"baseline", "explain", "gate"},
    {"capacity"},
    {"planning"},
    {"results"},
    {"fleet"},
    {"report"},
    {"doctor", "pipeline", "project"},
    {"api", "cli", "__main__"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

MAY_USE_BESIDE = {("__main__", "cli"), ("cautions", "trials"), ("formatting", "metrics"), ("", "version"), ("", "api")}
"""Exceptions: (room, the room beside or above it that it may use); the package itself offers `api` on request."""

PROGRAMS = {
    "perfgate.fleet.launcher",
    "perfgate.loadgen.worker",
    "perfgate.model.keras_export",
    "perfgate.observe.sampler",
    "perfgate.server.replica",
    "perfgate.server.rest.server",
    "perfgate.server.fork_server",
    "perfgate.server.in_process_replica",
    "perfgate.sketch.build.program",
}
"""Named by a string and run in a process of its own, by `python -m` or a fork server: naming one does not use its code,
so these strings are not imports.
"""

IMPORTS_BY_NAME = {
    "cli/app.py": "its table of commands, for `perfgate --help` imports none of them",
    "observe/gpu.py": "pynvml, which few machines have",
    "server/fork_server.py": "the program that it is given, and what else its children need",
    "server/in_process_replica.py": "the loop that a driver passes to it, from another process",
}
"""Files that import a module named by a string at run time, which static analysis cannot follow."""

TENSORFLOW = ("tensorflow", "tensorflow_serving", "keras")
TENSORFLOW_AT_HOME = {
    "model/keras_export.py",
    "server/in_process_replica.py",
    *(f"server/{name}.py" for name in ("grpc_server", "predict", "recorded", "replica", "servable", "tensors")),
    *(f"server/{name}.py" for name in ("batching", "inference", "warmup_assets", "rest/api", "rest/server")),
    "server/tensorflow_parts.py",
    "server/tracing.py",
    *(f"sketch/build/{name}.py" for name in ("blocks", "export", "layers", "order", "own_code")),
    *(f"sketch/build/{name}.py" for name in ("keras_model", "python_model", "toml_model")),
}
"""Programs that run in separate processes, and their parts; the CLI's process never imports them."""

ARCHITECTURE = PACKAGE.parent / "docs" / "explanation" / "architecture.md"
LONGEST_FILE = 500
MOST_CLI_LINES = 2700
LARGEST_ROOM = 0.15
"""Share of all lines."""
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}
SLOW_TO_IMPORT = {"tensorflow", "keras", "numpy", "scipy", "pandas", "pyarrow", "grpc", "ruptures", "prometheus_client"}
HELP_CPU_S = 0.3


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, as written in one place: in a statement, at any depth, for any purpose, or in a string."""

    importer: str
    imported: str
    where: str


def module_name(package: Path, file: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(package: Path) -> list[Import]:
    files = {module_name(package, file): file for file in sorted(package.rglob("*.py"))}
    found = []
    for importer, file in files.items():
        own_package = importer if file.name == "__init__.py" else importer.rpartition(".")[0]
        for node in ast.walk(ast.parse(file.read_text())):
            names = list(_names(node, own_package, files))
            where = f"{file.relative_to(package)}:{getattr(node, 'lineno', 0)}"
            found += [Import(importer, name, where) for name in dict.fromkeys(names)]
    return sorted(found, key=lambda one: (one.importer, int(one.where.rpartition(":")[2])))


def _names(node: ast.AST, own_package: str, modules: Collection[str]) -> Iterator[str]:
    """List the modules that one node imports; `from package import x` may be a module or a member of the package."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = own_package.split(".")[: len(own_package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        named = [f"{base}.{alias.name}" for alias in node.names]
        yield from (name if name in modules else base for name in named)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = re.sub(r":\w+$", "", node.value)  # `module:function`, as entry points are written
        if "." in name and name in modules and name not in PROGRAMS:
            yield name


def room(package: Path, module: str) -> str:
    return module.removeprefix(package.name).lstrip(".").partition(".")[0]


def is_ours(package: Path, module: str) -> bool:
    return module.partition(".")[0] == package.name


def wrong_way(package: Path) -> list[str]:
    complaints = []
    for one in imports(package):
        if not is_ours(package, one.imported):
            continue
        user, used = room(package, one.importer), room(package, one.imported)
        if user == used or (user, used) in MAY_USE_BESIDE:
            continue
        if user not in FLOOR or used not in FLOOR:
            complaints.append(f"{one.where}: {user} or {used} has no floor")
        elif FLOOR[used] >= FLOOR[user]:
            complaints.append(f"{one.where}: {user} (floor {FLOOR[user]}) uses {used} (floor {FLOOR[used]})")
    return complaints


def circles(package: Path) -> set[frozenset[str]]:
    """Find the sets of modules that all use each other, directly or indirectly."""
    uses: dict[str, set[str]] = {}
    for one in imports(package):
        uses.setdefault(one.importer, set()).add(one.imported)
    reached = {module: _reached(uses, module) for module in uses}
    return {
        frozenset(other for other in reached[module] if module in reached.get(other, ()))
        for module in uses
        if module in reached[module]
    }


def _reached(uses: Mapping[str, Collection[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = set(uses.get(ahead.pop(), ())) - found
        found |= new
        ahead += new
    return found


def imports_by_name(package: Path) -> set[str]:
    """List the files that import what a string names."""
    found = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            called = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if called in {"import_module", "__import__", "run_module", "resolve_name"}:
                found.add(str(file.relative_to(package)))
    return found


def stray_tensorflow(package: Path) -> list[str]:
    return [
        f"{one.where}: {one.imported}"
        for one in imports(package)
        if one.imported.partition(".")[0] in TENSORFLOW and one.where.partition(":")[0] not in TENSORFLOW_AT_HOME
    ]


def bad_files(package: Path) -> list[str]:
    files = sorted(package.rglob("*.py"))
    lines = {file: len(file.read_text().splitlines()) for file in files}
    long = [f"{file.name}: over {LONGEST_FILE} lines" for file in files if lines[file] > LONGEST_FILE]
    return long + [f"{file.name}: says nothing" for file in files if NAMELESS & {file.stem, file.parent.name}]


def _lines(folder: Path) -> int:
    return sum(len(file.read_text().splitlines()) for file in folder.rglob("*.py"))


def test_the_command_line_only_parses() -> None:
    assert _lines(PACKAGE / "cli") <= MOST_CLI_LINES


def test_no_room_is_too_large() -> None:
    whole = _lines(PACKAGE)
    shares = {folder.name: _lines(folder) / whole for folder in PACKAGE.iterdir() if folder.is_dir()}
    assert {name: share for name, share in shares.items() if share > LARGEST_ROOM} == {}


def test_the_page_names_each_room_on_its_floor() -> None:
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", ARCHITECTURE.read_text(), re.MULTILINE)
    named = {name: int(floor) for floor, rooms in rows for name in re.findall(r"`(\w+)(?:/|\.py)`", rooms)}
    assert named == {name: floor for name, floor in FLOOR.items() if name not in {"", "__main__", "version"}}


@pytest.mark.slow
def test_imports_go_downwards_only() -> None:
    assert wrong_way(PACKAGE) == []


@pytest.mark.slow
def test_no_imports_go_in_circles() -> None:
    assert circles(PACKAGE) == set()


@pytest.mark.slow
def test_what_is_imported_by_name_is_known() -> None:
    assert imports_by_name(PACKAGE) == IMPORTS_BY_NAME.keys()


def test_commands_are_found_by_name_and_use_none_of_the_table() -> None:
    users = {one.importer for one in imports(PACKAGE) if one.imported == "perfgate.cli.app"}
    assert users == {"perfgate.__main__"}


def test_programs_are_modules_that_a_string_names() -> None:
    text = "".join(file.read_text() for file in PACKAGE.rglob("*.py"))
    modules = {module_name(PACKAGE, file) for file in PACKAGE.rglob("*.py")}
    assert modules >= PROGRAMS
    assert {program for program in PROGRAMS if f'"{program}"' not in text} == set()


def test_tensorflow_stays_in_its_processes() -> None:
    assert stray_tensorflow(PACKAGE) == []


def test_files_are_short_and_named_for_what_they_do() -> None:
    assert bad_files(PACKAGE) == []


def test_every_room_has_a_floor() -> None:
    rooms = {room(PACKAGE, module_name(PACKAGE, file)) for file in PACKAGE.rglob("*.py")}
    assert rooms <= FLOOR.keys()


def test_help_imports_nothing_slow() -> None:
    program = f"""
import runpy, sys, time
sys.argv = ["perfgate", "--help"]
try:
    runpy.run_module("perfgate", run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
slow = {{name.partition(".")[0] for name in sys.modules}} & {SLOW_TO_IMPORT!r}
print(sorted(slow), time.process_time(), sep="|", file=sys.stderr)
"""
    runs = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "Usage: perfgate" in done.stdout
        runs.append(done.stderr.splitlines()[-1].split("|"))
    assert {slow for slow, _ in runs} == {"[]"}
    assert min(float(cpu_s) for _, cpu_s in runs) < HELP_CPU_S


@pytest.mark.slow
def test_no_other_module_loads_tensorflow_in_passing() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if str(file.relative_to(PACKAGE)) not in TENSORFLOW_AT_HOME]
    modules = sorted({module_name(PACKAGE, file) for file in files} - {"perfgate.__main__"})
    program = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
    assert not set(sys.modules) & {{"tensorflow", "keras"}}, name
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A package that breaks every rule once."""
    package = tmp_path / "perfgate"
    files = {
        "__init__.py": "",
        "errors.py": "from perfgate.metrics import x",  # beside
        "metrics.py": "import perfgate.errors",  # a cycle with errors
        "gate/__init__.py": "",
        "gate/judge.py": "def late():\n    from perfgate.report import html",  # upwards, in a function, and in a circle
        "report/__init__.py": "",
        "report/html.py": "from ..gate import judge\nif TYPE_CHECKING:\n    import keras",
        "attic/helpers.py": "from perfgate import errors",  # no floor, no name
        "server/replica.py": "import tensorflow as tf",  # at home
        "serving/launch.py": "PROGRAM = 'perfgate.server.replica'",  # starts it, and does not use it
        "loadgen/loop.py": "import_module('perfgate.loadgen.driver')",
        "loadgen/driver.py": "LOOP = 'perfgate.loadgen.loop:loop'",  # in a circle, by names
        "payload/late.py": "PAGE = 'perfgate.report.html:page'",  # upwards, by name
        "model/types.py": "if TYPE_CHECKING:\n    from perfgate.model.user import User",
        "model/user.py": "from perfgate.model import types",  # in a circle, for type checkers
        "stats/long.py": "pass\n" * (LONGEST_FILE + 1),
    }
    for name, text in files.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return package


def test_the_checks_can_fail(house: Path) -> None:
    assert wrong_way(house) == [
        "attic/helpers.py:1: attic or errors has no floor",
        f"errors.py:1: errors (floor {FLOOR['errors']}) uses metrics (floor {FLOOR['metrics']})",
        f"gate/judge.py:2: gate (floor {FLOOR['gate']}) uses report (floor {FLOOR['report']})",
        f"metrics.py:1: metrics (floor {FLOOR['metrics']}) uses errors (floor {FLOOR['errors']})",
        f"payload/late.py:1: payload (floor {FLOOR['payload']}) uses report (floor {FLOOR['report']})",
    ]
    assert circles(house) == {
        frozenset({"perfgate.errors", "perfgate.metrics"}),
        frozenset({"perfgate.gate.judge", "perfgate.report.html"}),
        frozenset({"perfgate.loadgen.driver", "perfgate.loadgen.loop"}),
        frozenset({"perfgate.model.types", "perfgate.model.user"}),
    }
    assert imports_by_name(house) == {"loadgen/loop.py"}
    assert stray_tensorflow(house) == ["report/html.py:3: keras"]
    assert bad_files(house) == ["long.py: over 500 lines", "helpers.py: says nothing"]
