"""The pairs by which explanations are judged: each new model has its fault, and no other."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from perfgate.scenario.files import load_scenario
from tests.conftest import ROOT
from tests.explain.faults.__main__ import asked, main
from tests.explain.faults.pairs import EQUAL, FAULTS, GROUPS, PAIRS, SAME, SLOWER

SHOWN = {
    "extra_layer": {"MatMul": 1, "BiasAdd": 1, "Relu": 1},
    "wide_layer": {},
    "float64_layer": {"Cast": 3},
    "training_dropout": {"StatelessRandomUniformV2": 4},
    "double_lookup": {"GatherV2": 1, "ReadVariableOp": 1},
    "jit_compile": {"PartitionedCall": 1, "Mean": -2},
    "unfolded_constant": {"Sin": 1, "Cos": 1, "Pow": 1},
    "broken_fusion": {"_FusedConv2D": -4, "Conv2D": 4, "BiasAdd": 4, "Relu": 4},
    "vocabulary_lookup": {"LookupTableFindV2": 1, "StaticRegexReplace": 1, "StringLower": 1},
    "map_fn": {"LoopCond": 1, "TensorListStack": 1},
    "big_tables": {},
    "dense_plus_10_permille_00": {"MatMul": 1, "AddV2": 1},
    "dense_plus_5_permille_00": {"Mul": 1},
}
"""How the optimised graphs must differ, at least; where nothing is named and in equal pairs they have the same ops."""
SAME_OUTPUTS = {
    "big_tables", "broken_fusion", "double_lookup", "float64_layer", "jit_compile", "map_fn", "unfolded_constant",
    "re_export", "renamed_layers", "other_scopes", "other_numbering", "dense_re_export_00", "dense_renamed_01",
}  # fmt: skip
DETECTOR = ("dense_plus_10_permille_00", "dense_plus_5_permille_00", "dense_re_export_00", "dense_renamed_01")


def test_each_fault_has_a_cause_of_its_own() -> None:
    assert len({pair.expected for pair in FAULTS}) == len(FAULTS) == 12
    assert {pair.base for pair in FAULTS} == {"ranker", "encoder", "words", "convnet"}


def test_names_are_unique() -> None:
    assert len(PAIRS) == sum(map(len, GROUPS.values())) == 12 + 5 + 40 + 40
    assert not {pair.expected for pair in (*EQUAL, *SAME)} - {""}
    assert {pair.expected for pair in SLOWER} == {"op added"}


@pytest.mark.parametrize("file", sorted({pair.scenario_file for pair in PAIRS.values()}), ids=lambda file: file.stem)
def test_scenarios_can_be_read(file: Path) -> None:
    assert load_scenario(str(file), ()).name == file.stem


def test_groups_and_pairs_are_asked_for_by_name() -> None:
    assert asked(("equal", "re_export")) == list(EQUAL)
    result = CliRunner().invoke(main, [".", "re_exprot"])
    assert (result.exit_code, "no pair or group: re_exprot" in result.output) == (2, True)


@pytest.fixture(scope="module")
def lines(built: Callable[..., Path]) -> dict[str, str]:
    names = ("faults", "equal", *DETECTOR)
    command = [sys.executable, "-m", "tests.explain.faults.probe", str(built(*names)), *names, "--rounds", "4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: line for line in done.stdout.splitlines()}


@pytest.mark.live
def test_faults_are_in_the_optimised_graphs_and_nothing_else(lines: dict[str, str]) -> None:
    for name in {*lines} - {"python_function"}:
        differing = {op: int(count) for op, count in re.findall(r"(\S+) ([+-]\d+)(?= |$)", lines[name])}
        wanted = SHOWN.get(name, {})
        assert {op: differing.get(op) for op in wanted} == wanted, lines[name]
        assert bool(differing) == bool(wanted), lines[name]


@pytest.mark.live
def test_faults_change_no_outputs_where_they_need_not(lines: dict[str, str]) -> None:
    assert {name for name, line in lines.items() if "equal outputs" in line} == SAME_OUTPUTS


@pytest.mark.live
def test_python_functions_are_refused(lines: dict[str, str]) -> None:
    assert "PyFunc cannot be served" in lines["python_function"]
