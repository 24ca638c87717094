"""Hold the order of the rooms: who may import whom, where TensorFlow may be, how large a file may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "perfgate"

FLOORS = (
    {"", "cautions", "errors", "metrics", "nearest", "plain", "trials", "version"},  # "" is perfgate/__init__.py
    {"model", "protocols", "scenario"},
    {"loadgen", "observe", "payload", "serving"},
    {"experiment", "stats"},
    {"baseline", "gate"},
    {"results"},
    {"report"},
    {"doctor", "pipeline", "project"},
    {"api", "cli", "__main__"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

MAY_USE_BESIDE = {("__main__", "cli"), ("cautions", "trials"), ("", "version"), ("", "api")}
"""Exceptions: (room, the room beside or above it that it may use); the package itself offers `api` when it is asked."""

TENSORFLOW = ("tensorflow", "tensorflow_serving", "keras")
TENSORFLOW_AT_HOME = {
    "model/keras_export.py",
    "serving/in_process_replica.py",
    *(f"serving/embedded/{name}.py" for name in ("grpc_server", "predict", "replica", "servable", "tensors")),
    *(f"serving/embedded/{name}.py" for name in ("batching", "inference", "warmup_assets", "rest/api", "rest/server")),
    "serving/embedded/tensorflow_parts.py",
}
"""Programs that run in processes of their own, and their parts; the CLI's process never imports them."""

LONGEST_FILE = 500
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}
SLOW_TO_IMPORT = {"tensorflow", "keras", "numpy", "scipy", "pandas", "pyarrow", "grpc", "ruptures"}
HELP_CPU_S = 0.3


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, as written in one place."""

    importer: str
    imported: str
    where: str
    at_load: bool
    """Whether loading the importer runs it: not inside a function, not for type checkers only."""


def module_name(package: Path, file: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _statements(node: ast.AST, *, at_load: bool = True) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, at_load
            continue
        deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from _statements(child, at_load=at_load and not deferred and not for_types)


def imports(package: Path) -> list[Import]:
    files = {module_name(package, file): file for file in sorted(package.rglob("*.py"))}
    found = []
    for importer, file in files.items():
        own_package = importer if file.name == "__init__.py" else importer.rpartition(".")[0]
        for node, at_load in _statements(ast.parse(file.read_text())):
            where = f"{file.relative_to(package)}:{node.lineno}"
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                above = own_package.split(".")[: len(own_package.split(".")) - node.level + 1] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                named = [f"{base}.{alias.name}" for alias in node.names]
                names = [name if name in files else base for name in named]
            found += [Import(importer, name, where, at_load) for name in dict.fromkeys(names)]
    return found


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


def cycle(package: Path) -> list[str]:
    graph: TopologicalSorter[str] = TopologicalSorter()
    for one in imports(package):
        if one.at_load and is_ours(package, one.imported):
            graph.add(one.importer, one.imported)
    try:
        graph.prepare()
    except CycleError as error:
        return [str(module) for module in error.args[1]]
    return []


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


def test_imports_go_downwards_only() -> None:
    assert wrong_way(PACKAGE) == []


def test_no_import_cycle() -> None:
    assert cycle(PACKAGE) == []


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
        "gate/judge.py": "def late():\n    from perfgate.report import html",  # upwards, in a function
        "report/__init__.py": "",
        "report/html.py": "from ..gate import judge\nif TYPE_CHECKING:\n    import keras",
        "attic/helpers.py": "from perfgate import errors",  # no floor, no name
        "serving/embedded/replica.py": "import tensorflow as tf",  # at home
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
        "errors.py:1: errors (floor 0) uses metrics (floor 0)",
        "gate/judge.py:2: gate (floor 4) uses report (floor 6)",
        "metrics.py:1: metrics (floor 0) uses errors (floor 0)",
    ]
    assert set(cycle(house)) == {"perfgate.errors", "perfgate.metrics"}
    assert stray_tensorflow(house) == ["report/html.py:3: keras"]
    assert bad_files(house) == ["long.py: over 500 lines", "helpers.py: says nothing"]


def test_a_deferred_import_makes_no_cycle(house: Path) -> None:
    (house / "errors.py").write_text("def late():\n    from perfgate.metrics import x")
    assert cycle(house) == []
