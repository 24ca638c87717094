from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result

from benchmarks.operating_curve import __main__ as program
from benchmarks.operating_curve import measure
from benchmarks.operating_curve.recipes import RECIPES
from benchmarks.operating_curve.row import SCENARIOS, Row
from benchmarks.operating_curve.rows import BY_NAME, POOLS, ROWS, Pool
from perfgate.gate.tolerance import gated_metrics
from perfgate.scenario.files import load_scenario
from perfgate.scenario.schema import Scenario

ROOT = Path(__file__).resolve().parents[3]

Run = Callable[..., Result]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_compares_models_that_are_built(row: Row) -> None:
    assert {row.baseline, row.candidate} <= RECIPES.keys()
    assert {RECIPES[name].family for name in (row.baseline, row.candidate)} == {row.family}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_gates_its_metric(row: Row) -> None:
    assert row.metric in {metric.name for metric in gated_metrics(row.scenario().gate)}


def test_rows_have_names_and_titles_of_their_own() -> None:
    assert len(BY_NAME) == len({row.title for row in ROWS}) == len(ROWS)


def test_the_issue_names_so_many_runs() -> None:
    runs = {pool.title: sum(row.runs for row in pool.rows) for pool in POOLS}
    assert runs["all equal, four families"] >= 40
    assert runs["exported again or renamed, four families"] >= 30
    assert [runs[f"+{share} %, four families"] for share in (5, 10, 2)] == [20, 20, 12]
    of_rows = {row.name: row.runs for row in ROWS}
    assert [of_rows[name] for name in ("tau", "tail", "convolutional_plus_1")] == [20, 10, 10]
    assert {of_rows[name] for name in ("two_of_16", "one_of_16", "random_tenth", "one_in_60", "uneven")} == {20}


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.title)
def test_rows_that_are_counted_together_ask_the_same(pool: Pool) -> None:
    assert len({(row.metric, row.truth, row.within_s, row.kind, row.neighbour) for row in pool.rows}) == 1
    families = {row.family for row in pool.rows}
    assert len(families) == (4 if "four" in pool.title else 1)


@pytest.mark.parametrize("name", ["equal", "ten", "two", "one", "steps"])
def test_a_familys_scenario_gates_and_lasts_as_the_recurrent_one(name: str) -> None:
    common = load_scenario(str(SCENARIOS / f"{name}.toml"), ())
    others = [load_scenario(str(file), ()) for file in SCENARIOS.glob(f"*/{name}.toml")]
    assert len(others) == (1 if name == "one" else 3)
    for other in others:
        assert (other.gate, other.budget, other.load) == (common.gate, common.budget, common.load)


def test_the_default_gate_is_to_find_what_hits_some_requests() -> None:
    for name in ("two_of_16", "one_of_16", "random_tenth", "one_in_60", "uneven"):
        scenario = BY_NAME[name].scenario()
        assert (scenario.gate, scenario.objectives) == (Scenario().gate, Scenario().objectives)


def test_one_row_lets_two_threads_work_on_an_op() -> None:
    threads = {row.name: row.scenario().server.intra_op_threads for row in ROWS}
    assert {name for name, count in threads.items() if count == 2} == {"threads_again", "threads_plus_5"}


def test_the_catch_is_the_scenarios_own_or_the_metrics() -> None:
    assert BY_NAME["plus_2"].catch() == pytest.approx(0.02)
    assert BY_NAME["plus_50mib"].catch() == pytest.approx(0.10)


def test_rows_take_turns_in_proportion_to_their_numbers() -> None:
    wanted, done = {"same": 2, "plus_5": 4}, Counter[str]()
    order = []
    while row := program.next_row(wanted, done):
        order.append(row.name)
        done[row.name] += 1
    assert order == ["same", "plus_5", "plus_5", "same", "plus_5", "plus_5"]


def test_every_run_has_a_seed_of_its_own() -> None:
    assert len({measure.seed_of(row, number) for row in ROWS for number in range(1, 41)}) == 40 * len(ROWS)


def test_the_second_neighbour_begins_half_way() -> None:
    row = BY_NAME["background"]
    assert program.half_way_s(row, ()) == row.scenario().budget.measure_s / 2
    done = [{"row": "same", "measured_s": 8.0}, {"row": "plus_5", "measured_s": 99.0}, {"row": "same", "exit": 1}]
    assert program.half_way_s(row, done) == 4.0


def test_a_run_without_a_result_is_a_line_too() -> None:
    line = measure.described(None, "no such file\nand a remedy")
    assert (line["verdict"], line["effects"]) == ("none", {})
    assert "no such file" in line["message"]


def test_of_a_result_the_gated_effects_are_kept() -> None:
    def judged(name: str, *, gated: bool) -> dict[str, Any]:
        effect = {"change": 0.01, "lower": 0.0, "upper": 0.02, "log_change": 0.01, "log_se": 0.003, "df": 9.0, "x": 1}
        return {"metric": name, "gated": gated, "verdict": "pass", "tolerance": 0.025, "effect": effect}

    result = {
        "judgement": {
            "verdict": "pass",
            "headline": "fine",
            "metrics": [judged("execute_ms", gated=True), judged("pss_mb", gated=False)],
            "objectives": [],
        },
        "blocks": {"wall_s": [0.5, 0.25]},
        "phases_s": {"warm-up": 1.234},
        "cautions": [{"code": "pauses"}],
    }
    line = measure.described(result, "")
    assert line["measured_s"] == 0.75
    assert line["effects"].keys() == {"execute_ms"}
    assert line["effects"]["execute_ms"]["verdict"] == "pass"
    assert line["looks"] is None


def test_a_command_that_fails_is_reported(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('broken')"]
    assert measure._run(command, tmp_path / "said", tmp_path / "trace", None) == (1, "broken\n")


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "LONGEST_S", 0.2)
    code, said = measure._run(
        [sys.executable, "-c", "import time; time.sleep(30)"], tmp_path / "said", tmp_path / "trace", None
    )
    assert code != 0
    assert "without a result" in said


@pytest.mark.slow
def test_a_second_neighbour_is_started_once_blocks_come_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[float] = []

    class Noted:
        def __init__(self, share: float) -> None:
            started.append(share)

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(measure, "busy", Noted)
    write = (
        f"import pathlib, time; pathlib.Path({str(tmp_path / 'trace')!r}).write_bytes(b'x' * 20_000); time.sleep(0.6)"
    )
    measure._run([sys.executable, "-c", write], tmp_path / "said", tmp_path / "trace", 0.1)
    assert started == [1.0]
    measure._run([sys.executable, "-c", "pass"], tmp_path / "said", tmp_path / "none", 0.0)
    assert started == [1.0]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program with instant runs; a row named in `killed` kills it."""

    def start(*options: str, killed: str = "", exit_code: int = 0) -> Result:
        def run_once(row: Row, number: int, *_: object) -> dict[str, Any]:
            if row.name == killed:
                raise KeyboardInterrupt
            line = {"row": row.name, "run": number, "verdict": "pass", "wall_s": 1.0, "effects": {}}
            return line | {"exit": exit_code, "measured_s": 1.0}

        monkeypatch.setattr(program, "run_once", run_once)
        monkeypatch.setattr(program, "_build", lambda _: None)
        return CliRunner().invoke(program.main, ["--rows", str(tmp_path / "rows.jsonl"), "--busy", "0", *options])

    return start


def _runs(tmp_path: Path) -> list[tuple[str, int]]:
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    return [(line["row"], line["run"]) for line in lines]


def test_it_goes_on_where_it_was_killed(tmp_path: Path, run: Run) -> None:
    assert run("--row", "same=2", "--row", "plus_5=1", killed="plus_5").exit_code != 0
    assert _runs(tmp_path) == [("same", 1)]
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write('{"row": "plus_5", "ru')  # killed while writing
    assert run("--row", "same=2", "--row", "plus_5=1").exit_code == 0
    assert _runs(tmp_path) == [("same", 1), ("plus_5", 1), ("same", 2)]
    assert run("--row", "same=2", "--row", "plus_5=1").exit_code == 0
    assert len(_runs(tmp_path)) == 3


@pytest.mark.parametrize(("options", "taken"), [("same 0", 0.0), ("same 0.5", 0.5), ("quiet 0.5", 0.0)])
def test_a_row_may_be_without_the_neighbour(
    options: str, taken: float, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[float] = []

    def noted(share: float) -> AbstractContextManager[None]:
        started.append(share)
        return nullcontext()

    monkeypatch.setattr(program, "busy", noted)
    row, share = options.split()
    run("--row", f"{row}=1", "--busy", share)
    assert started == [taken]
    assert json.loads((tmp_path / "rows.jsonl").read_text())["busy"] == taken


def test_an_interrupted_run_is_none(tmp_path: Path, run: Run) -> None:
    assert run("--row", "same=1", exit_code=130).exit_code != 0
    assert _runs(tmp_path) == []


def test_no_run_begins_after_the_time_is_up(tmp_path: Path, run: Run) -> None:
    assert run("--max-minutes", "0").exit_code == 0
    assert _runs(tmp_path) == []


def test_two_programs_do_not_write_one_file(tmp_path: Path, run: Run) -> None:
    with program._only_writer(tmp_path / "rows.jsonl"):
        assert "another process appends" in run("--row", "same=1").output


@pytest.mark.parametrize("given", ["sme=1", "same=x"])
def test_a_row_that_is_none_is_refused(given: str, run: Run) -> None:
    result = run("--row", given)
    assert result.exit_code == 2
    assert "plus_5" in result.output


@pytest.mark.slow
def test_a_neighbour_dies_with_its_program() -> None:
    text = "import time; from benchmarks.operating_curve.neighbour import busy\nwith busy(0.1): time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", text], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as host:
        neighbour = _child(host.pid)
        host.kill()
    neighbour.wait(10)
    assert not neighbour.is_running()


def _child(pid: int) -> psutil.Process:
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        children = psutil.Process(pid).children()
        if children and "neighbour" in " ".join(children[0].cmdline()) and children[0].cpu_times().user > 0.1:
            return children[0]
        time.sleep(0.05)
    raise TimeoutError
