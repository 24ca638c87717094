"""The commands as a user runs them: real models, servers and processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil
import pytest

from perfgate.errors import ExitCode
from perfgate.gate.verdict import EXIT_CODES, Verdict
from perfgate.results import document, samples
from perfgate.trials import Arm

if TYPE_CHECKING:
    from tests.conftest import RankingModels

pytestmark = [pytest.mark.live, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
PERFGATE = [sys.executable, "-m", "perfgate"]
SMALL = ["--replicas", "4"]


def _perfgate(*args: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*PERFGATE, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT)


@contextmanager
def _started(*args: str | Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*PERFGATE, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as it:
        try:
            yield it
        finally:
            it.kill()


def _wait_for_samples(run: Path) -> None:
    file = run / samples.FILE_NAME
    for _ in range(600):
        if file.exists() and file.stat().st_size > 20_000:
            return
        time.sleep(0.1)
    pytest.fail("no samples within a minute")


@contextmanager
def _serving(model: Path) -> Iterator[str]:
    with _started("serve", model, "--port", "0") as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert "serving default version 1 on 127.0.0.1:" in line, line
        yield line.split(" on ")[1].split()[0]
        family = psutil.Process(server.pid).children(recursive=True)
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=10) == 0
        assert not psutil.wait_procs(family, timeout=5)[1], "a server outlived `perfgate serve`"


@pytest.mark.alone
def test_the_audio_model_is_not_slower_than_itself(audio_model: Path, tmp_path: Path) -> None:
    done = _perfgate("compare", audio_model, audio_model, "-s", "audio", *SMALL, "--budget", "8s", "--out", tmp_path)
    assert done.returncode in {ExitCode.PASS, ExitCode.INCONCLUSIVE}, done.stderr
    result = document.read(tmp_path)
    assert result.judgement is not None
    assert {each.metric for each in result.judgement.metrics} >= {"execute_ms", "cpu_ms_per_request", "service_mean_ms"}


@pytest.mark.alone
def test_record_then_run_passes_the_same_model_and_fails_the_slower(
    ranking_models: RankingModels, tmp_path: Path
) -> None:
    store = ["--store", str(tmp_path / "store"), "-s", "ranking"]
    recorded = _perfgate(
        "baseline",
        "record",
        ranking_models.v1,
        "--name",
        "prod",
        *store,
        *SMALL,
        "--budget",
        "3s",
        "--out",
        tmp_path / "0",
    )
    assert recorded.returncode == 0, recorded.stderr
    assert "RECORDED prod/" in recorded.stderr.splitlines()[-1]

    against = ["--baseline", "prod", *store]
    same = _perfgate(
        "run", ranking_models.v1_again, *against, *SMALL, "--budget", "5s", "--json", "--out", tmp_path / "1"
    )
    result = json.loads(same.stdout)
    verdict = Verdict(result["judgement"]["verdict"])
    assert verdict in {Verdict.PASS, Verdict.INCONCLUSIVE}, same.stderr  # how often each: docs/explanation/verdicts.md
    assert same.returncode == EXIT_CODES[verdict]
    assert same.stderr.splitlines()[-1].startswith(f"{verdict.upper()} ")
    assert result["baseline_name"] == "prod"
    assert any(caution["code"] == "since the record" for caution in result["cautions"])

    slower = _perfgate("run", ranking_models.v2, *against, *SMALL, "--budget", "12s", "-q", "--out", tmp_path / "2")
    assert slower.returncode == ExitCode.FAIL, slower.stderr
    assert re.match(r"FAIL (execute_ms|cpu_ms_per_request|service_mean_ms) \+", slower.stderr)  # all took 20 % more
    assert slower.stderr.count("\n") == 1, "quiet is one line"

    promoted = _perfgate("baseline", "promote", tmp_path / "2", "--name", "prod", "--store", tmp_path / "store")
    assert promoted.returncode == 0, promoted.stderr
    shown = _perfgate("baseline", "show", "prod", "--json", "--store", tmp_path / "store")
    assert json.loads(shown.stdout)["run_id"] == document.read(tmp_path / "2").run_id


def test_capacity_of_a_model_is_named_with_an_interval(ranking_models: RankingModels, tmp_path: Path) -> None:
    short = ("--budget", "15s", "--replicas", "4", "--scenario", "ranking", "--json", "--out", tmp_path)
    done = _perfgate("capacity", ranking_models.v1, *short, "--demand", "1M")
    assert done.returncode in {ExitCode.PASS, ExitCode.INCONCLUSIVE}, done.stderr
    found = json.loads(done.stdout)
    (arm,) = found["arms"]
    assert arm["kind"] in {"estimated", "open"}  # 15 s may be too short
    assert 20 < arm["rate_rps"] < 20_000
    rates = [point["rate_rps"] for point in arm["points"]]
    assert rates == sorted(rates)
    assert len(rates) > 6
    assert found["complete"]
    little = median(point["little"] for point in arm["points"][:5])  # other tests may disturb one
    assert abs(little - 1) < 0.1, "at low rates turns are steady"
    assert done.stderr.splitlines()[-1].startswith("CAPACITY ")
    assert {file.name for file in tmp_path.iterdir()} >= {"capacity.json", "capacity.csv", "capacity.html"}


def test_an_interrupted_search_keeps_what_is_known(ranking_models: RankingModels, tmp_path: Path) -> None:
    more = ("--replicas", "2", "--scenario", "ranking", "--budget", "60s", "--no-progress", "--out", tmp_path)
    with _started("capacity", ranking_models.v1, *more) as search:
        assert search.stderr is not None
        said = ""
        while "near the capacity" not in said:
            line = search.stderr.readline()
            assert line, said
            said += line
        family = psutil.Process(search.pid).children(recursive=True)
        search.send_signal(signal.SIGINT)
        _, rest = search.communicate(timeout=60)
        assert search.returncode == ExitCode.INTERRUPTED, said + rest
    assert not psutil.wait_procs(family, timeout=5)[1]
    found = json.loads((tmp_path / "capacity.json").read_text())
    assert not found["complete"]
    assert len(found["arms"][0]["points"]) >= 4
    assert rest.splitlines()[-1].startswith("INTERRUPTED ")


def test_interrupted_half_way_keeps_what_was_measured(ranking_models: RankingModels, tmp_path: Path) -> None:
    with _started("compare", ranking_models.v1, ranking_models.v2, *SMALL, "--out", tmp_path) as run:
        _wait_for_samples(tmp_path)
        family = psutil.Process(run.pid).children(recursive=True)
        assert len(family) >= 9
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=20)
        assert run.returncode == ExitCode.INTERRUPTED, said
    assert not psutil.wait_procs(family, timeout=5)[1]
    result = document.read(tmp_path)
    assert result.status == "interrupted"
    assert len(result.blocks.block) > 5
    assert said.splitlines()[-1].startswith("INTERRUPTED ")


def test_a_server_that_is_killed_half_way_makes_the_run_invalid(ranking_models: RankingModels, tmp_path: Path) -> None:
    with _started("compare", ranking_models.v1, ranking_models.v2, *SMALL, "--out", tmp_path) as run:
        _wait_for_samples(tmp_path)
        replicas = [p for p in psutil.Process(run.pid).children(recursive=True) if p.ppid() != run.pid]
        os.kill(replicas[3].pid, signal.SIGKILL)
        _, said = run.communicate(timeout=30)
        assert run.returncode == ExitCode.INVALID, said
    last = said.splitlines()[-1]
    assert last.startswith("INVALID ")
    assert "died: killed by SIGKILL" in last
    assert document.read(tmp_path).status == "invalid"


def test_a_killed_run_leaves_its_samples(ranking_models: RankingModels, tmp_path: Path) -> None:
    with _started("compare", ranking_models.v1, ranking_models.v2, *SMALL, "--out", tmp_path) as run:
        _wait_for_samples(tmp_path)
        family = psutil.Process(run.pid).children(recursive=True)
        run.kill()
        run.communicate(timeout=10)
    assert not psutil.wait_procs(family, timeout=5)[1]
    assert samples.read_samples(tmp_path / samples.FILE_NAME).num_rows > 50
    assert document.read(tmp_path).status == "running"


def test_without_baseline_and_objectives_there_is_nothing_to_measure(ranking_models: RankingModels) -> None:
    done = _perfgate("run", ranking_models.v1, "--no-baseline")
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith("ERROR nothing to judge")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["baseline", "record"], ["run", "--against", "."]])
def test_a_cpu_that_is_not_there_is_found_before_anything_starts(
    command: list[str], ranking_models: RankingModels, tmp_path: Path
) -> None:
    given = [str(ranking_models.v1) if word == "." else word for word in command]
    done = _perfgate(*given, ranking_models.v1, "--driver-cpus", "4095", "--out", tmp_path / "out")
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith("ERROR CPU 4095 is not available to perfgate")
    assert not (tmp_path / "out").exists()


def test_a_port_in_use_is_said_in_one_line(ranking_models: RankingModels) -> None:
    with _serving(ranking_models.v1) as address:
        done = _perfgate("serve", ranking_models.v1, "--port", address.split(":")[1])
    assert done.returncode == ExitCode.INVALID
    assert f"cannot listen on {address}" in done.stderr.splitlines()[-1]


def test_serve_offers_rest_where_it_is_asked_for(ranking_models: RankingModels) -> None:
    with _started("serve", ranking_models.v1, "--port", "0", "--rest-port", "0", "--name", "ranker") as server:
        assert server.stdout is not None
        found = re.search(
            r" on (127.0.0.1:\d+) \(gRPC\) and (127.0.0.1:\d+) \(REST\), press Ctrl", server.stdout.readline()
        )
        assert found is not None
        with urllib.request.urlopen(f"http://{found[2]}/v1/models/ranker", timeout=30) as answer:
            assert json.load(answer)["model_version_status"][0]["state"] == "AVAILABLE"
        done = _perfgate("serve", ranking_models.v1, "--port", "0", "--rest-port", found[2].split(":")[1])
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=10) == 0
    assert done.returncode == ExitCode.INVALID
    assert f"cannot listen on {found[2]} (REST)" in done.stderr.splitlines()[-1]


_PRODUCTION_LIKE = """
[payload.inputs.item_ids]
low = 0
high = 10000
distribution = "zipf"

[payload.inputs.country]
vocabulary = ["US", "GB"]

[classes.feed]
weight = 3

[classes.search]
batch_size = 2

[load]
arrivals = "gamma"
rate_rps = 120
cv = 2

[target]
protocol = "rest"

[server.batching]
max_batch_size = 32
batch_timeout_micros = 500

[objectives.error_rate]
max = 0.5

[budget]
measure_s = 6
replicas = 2
execute_share = 0.2
request_share = 0.2
"""


@pytest.mark.alone
def test_bursts_of_two_request_classes_over_rest_into_a_batching_server(
    ranking_models: RankingModels, tmp_path: Path
) -> None:
    scenario = tmp_path / "busy.toml"
    scenario.write_text(_PRODUCTION_LIKE)
    out = tmp_path / "run"
    done = _perfgate("run", ranking_models.v1, "--no-baseline", "-s", scenario, "--out", out)
    assert done.returncode == ExitCode.PASS, done.stderr
    result = document.read(out)
    classes = {each.name: each.requests for each in result.request_classes}
    assert classes["feed"] > classes["search"] > 0
    assert {each.stage for each in result.stages} == {"send lag", "queue", "execute", "encode", "rest"}
    assert {rows for each in result.batch_sizes for rows in each.rows} >= {2, 8}
    assert result.generator is not None
    assert result.generator.requests == sum(classes.values())
    assert all(result.blocks.schedule[i] for i, lane in enumerate(result.blocks.lane) if lane == "load")
    assert "mean request time under load" in done.stderr


@pytest.mark.alone
def test_a_model_called_in_process_is_compared_without_a_server(ranking_models: RankingModels, tmp_path: Path) -> None:
    scenario = tmp_path / "direct.toml"
    scenario.write_text(
        '[target]\nkind = "in_process"\n[payload.inputs.item_ids]\nhigh = 10000\n[budget]\nmeasure_s = 4\n'
    )
    out = tmp_path / "run"
    done = _perfgate("compare", ranking_models.v1, ranking_models.v2, "-s", scenario, "--replicas", "3", "--out", out)
    assert done.returncode in {ExitCode.FAIL, ExitCode.INCONCLUSIVE}, done.stderr
    result = document.read(out)
    assert result.status == "complete"
    assert result.generator is not None
    assert result.generator.cpu_share == 0


def test_two_running_servers_are_compared_and_go_on(ranking_models: RankingModels, tmp_path: Path) -> None:
    with _serving(ranking_models.v1) as old, _serving(ranking_models.v2) as new:
        urls = [f"grpc://{address}/default" for address in (old, new)]
        pids = [argument for _ in urls for argument in ("--pid", str(os.getpid()))]
        done = _perfgate("compare", *urls, "--budget", "3s", "--out", tmp_path / "run", *pids)
    assert done.returncode == ExitCode.INCONCLUSIVE, done.stderr
    assert "needs at least 2 replicas with data per arm" in done.stderr
    assert document.read(tmp_path / "run").models[Arm.CANDIDATE].digest.startswith("metadata-sha256:")
