"""The whole main path on fakes: no process, no TensorFlow, and only the test's clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.cautions import CautionKind
from perfgate.errors import ExitCode, InvalidRunError, UsageError
from perfgate.gate.verdict import EXIT_CODES, Verdict
from perfgate.loadgen.fake import FakeDriver
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.loadgen.load_worker import LoadWorker
from perfgate.metrics import Source
from perfgate.model.interface import Signature, TensorSpec
from perfgate.observe.fake import FakeProcessAccounts
from perfgate.report.html import page
from perfgate.report.sentences import looks_sentence
from perfgate.results import document, samples
from perfgate.results.advice import Advice
from perfgate.results.progress import Done, RecordingProgress
from perfgate.results.result import Result
from perfgate.scenario.schema import Gate, Load, MetricGate, Objective, Target
from perfgate.serving.fake import FakeLauncher, FakeReplica
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Arm, Call, Caution, Requests, Subject
from tests.pipeline.fake_runs import SCENARIO, SIGNATURE, Bench, Tick, TimedDriver, job_of, model_of


@pytest.fixture(autouse=True, scope="module")
def _place_for_models(tmp_path_factory: pytest.TempPathFactory) -> None:
    Bench.models = tmp_path_factory.mktemp("models")


def _verdict(result: Result, metric: str) -> Verdict:
    assert result.judgement is not None
    return next(each.verdict for each in result.judgement.metrics if each.metric == metric)


@pytest.mark.slow
def test_equal_models_pass(tmp_path: Path) -> None:
    bench = Bench()
    result = bench.run(tmp_path, "old", "same")
    assert result.judgement is not None
    assert result.judgement.verdict is Verdict.PASS, result.judgement.headline
    assert _verdict(result, "execute_ms") is Verdict.PASS
    assert bench.everything_stopped()


@pytest.mark.slow
def test_a_slower_model_fails_and_the_headline_says_by_how_much(tmp_path: Path) -> None:
    result = Bench().run(tmp_path, "old", "slow")
    assert result.judgement is not None
    assert EXIT_CODES[result.judgement.verdict] is ExitCode.FAIL
    assert _verdict(result, "execute_ms") is Verdict.FAIL
    effect = next(each.effect for each in result.judgement.metrics if each.metric == "execute_ms")
    assert effect.lower < 0.2 < effect.upper
    assert f"execute_ms {effect.change:+.1%}" in result.judgement.headline


@pytest.mark.slow
@pytest.mark.parametrize(("name", "verdict"), [("same", Verdict.PASS), ("slow", Verdict.FAIL)])
def test_a_lane_ends_when_all_that_it_decides_is_decided(tmp_path: Path, name: str, verdict: Verdict) -> None:
    names = ("execute_ms", "cpu_ms_per_request")
    metrics = {each: MetricGate(tolerance=0.05) for each in names}  # soon possible, given the fake's noise
    gate = Gate(metrics=metrics | {"latency_p99_ms": MetricGate(gate=False)})  # would remain open
    scenario = SCENARIO.model_copy(update={"gate": gate})
    early = Bench().run(tmp_path / "early", "old", name, scenario=scenario)
    whole = Bench().run(tmp_path / "whole", "old", name, scenario=scenario, stops_early=False)
    assert _verdict(early, "execute_ms") is _verdict(whole, "execute_ms") is verdict
    assert early.wall_s < whole.wall_s
    last = {look.source: look.fraction for look in early.looks}
    assert last[Source.EXECUTE] < 1
    assert {look.source: look.fraction for look in whole.looks} == dict.fromkeys(last, 1.0)
    assert "every gated metric and objective was decided" in looks_sentence(early)
    assert looks_sentence(whole) == ""


@pytest.mark.slow
def test_what_one_lane_leaves_another_uses_that_is_still_open(tmp_path: Path) -> None:
    needs_459_requests = {"objectives": {"latency_p99_ms": Objective(max=50)}}
    scenario = SCENARIO.model_copy(update=needs_459_requests | {"load": Load(arrivals="poisson", rate_rps=20)})
    early = Bench().run(tmp_path / "early", "old", "slow", scenario=scenario)
    whole = Bench().run(tmp_path / "whole", "old", "slow", scenario=scenario, stops_early=False)
    executions, load = "executions inside the servers", "the scenario's load"
    assert early.phases_s[executions] < 0.6 * whole.phases_s[executions]
    assert early.phases_s[load] > 2 * whole.phases_s[load]
    assert sum(early.blocks.wall_s) < 1.1 * SCENARIO.budget.measure_s


@pytest.mark.slow
def test_a_run_without_looks_takes_all_of_its_time(tmp_path: Path) -> None:
    scenario = SCENARIO.model_copy(update={"budget": SCENARIO.budget.model_copy(update={"looks": 1})})
    assert {look.fraction for look in Bench().run(tmp_path, "old", "slow", scenario=scenario).looks} == {1.0}


@pytest.mark.slow
def test_looks_are_kept_and_read_again(tmp_path: Path) -> None:
    result = Bench().run(tmp_path, "old", "slow")
    assert document.read(tmp_path).looks == result.looks
    assert [look.fraction for look in result.looks if look.source is Source.EXECUTE] == sorted(
        look.fraction for look in result.looks if look.source is Source.EXECUTE
    )


@pytest.mark.slow
def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    result = Bench().run(tmp_path, "old", "slow")
    stored = document.read(tmp_path)
    assert stored.status == "complete"
    assert stored.judgement is not None
    assert result.judgement is not None
    assert stored.judgement.headline == result.judgement.headline
    assert stored.plan["seed"] == 5
    assert len(stored.trials.replica) == len(samples.rebuild_trials(samples.read_samples(tmp_path / samples.FILE_NAME)))
    assert "FAIL" in (tmp_path / page.FILE_NAME).read_text()


@pytest.mark.slow
def test_the_page_of_a_run_is_the_very_page_that_is_rendered_again(tmp_path: Path) -> None:
    Bench().run(tmp_path, "old", "slow")
    assert (tmp_path / page.FILE_NAME).read_text() == page.render_html(document.read(tmp_path))


@pytest.mark.slow
def test_the_same_seed_makes_the_same_run(tmp_path: Path) -> None:
    first, second = (Bench().run(tmp_path / name, "old", "same") for name in ("a", "b"))
    assert document.to_json(first) == document.to_json(second)


@pytest.mark.slow
def test_phases_are_announced_and_decisions_shown(tmp_path: Path) -> None:
    bench = Bench()
    bench.run(tmp_path, "old", "same")
    assert [phase.name for phase in bench.progress.phases] == [
        "start 8 servers", "warm-up", "executions inside the servers", "single requests", "the scenario's load",
    ]  # fmt: skip
    counts = [(standing.decided, standing.total) for standing in bench.progress.standings]
    assert counts == sorted(counts), "what is decided stays so"
    assert counts[-1] == (5, 6), "the 99th percentile is looked at, and left open"
    first_seen = [metric.metric for metric in bench.progress.standings[0].metrics]
    assert first_seen == ["execute_ms", "cpu_ms_per_request", "cpu_mean_ms_per_request"]


@pytest.mark.slow
def test_the_time_left_is_never_more_than_was_said(tmp_path: Path) -> None:
    bench = Bench()
    bench.run(tmp_path, "old", "same", stops_early=False)
    *servers, first, second, third = bench.progress.phases
    assert [(phase.servers, phase.most_s) for phase in servers] == [(8, None), (8, None)]
    assert first.most_s is not None
    assert servers[1].later_s == first.most_s + first.later_s
    assert servers[0].later_s == pytest.approx(servers[1].later_s + 0.35 * 20)
    assert second.most_s is not None
    assert third.most_s is not None
    assert third.later_s == SCENARIO.budget.explain_s, "operations may be timed after everything else"
    assert second.most_s + second.later_s <= first.later_s + 1e-9
    took = document.read(tmp_path).phases_s
    for phase in (first, second, third):
        assert phase.most_s is not None
        assert took[phase.name] <= phase.most_s + 0.5, "but for a visit"


def test_a_model_that_does_not_load_is_an_invalid_run(tmp_path: Path) -> None:
    bench = Bench()
    result = bench.run(tmp_path, "old", "broken")
    assert result.status == "invalid"
    assert result.judgement is not None
    assert result.judgement.verdict is Verdict.INVALID
    assert "does not load" in result.judgement.headline
    assert bench.everything_stopped()
    assert "INVALID" in (tmp_path / page.FILE_NAME).read_text()


@pytest.mark.slow
def test_a_server_that_dies_makes_the_run_invalid_and_keeps_what_was_measured(tmp_path: Path) -> None:
    bench = Bench(dies_after=20)
    result = bench.run(tmp_path, "old", "same")
    assert result.status == "invalid"
    assert result.judgement is not None
    assert "died: killed by SIGKILL" in result.judgement.headline
    assert len(set(result.trials.block)) >= 19
    assert bench.everything_stopped()


def test_a_run_that_is_interrupted_before_it_measures_says_so(tmp_path: Path) -> None:
    bench = Bench(clock=Tick(interrupt_at_s=0.05))
    result = bench.run(tmp_path, "old", "slow")
    assert result.status == "interrupted"
    assert result.judgement is not None
    assert result.judgement.headline == "before anything was measured"
    assert bench.everything_stopped()


@pytest.mark.slow
def test_load_workers_on_other_nodes_are_in_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, hosts, start = Bench(), set[str](), FakeLauncher.start

    def started(launcher: FakeLauncher, spec: ReplicaSpec) -> FakeReplica:
        hosts.add(spec.host)
        return start(launcher, spec)

    monkeypatch.setattr(FakeLauncher, "start", started)
    worker = LoadWorker("load worker 1 on node 10.0.0.7 (3f0c1a9b)", 5, 12.0, 0.25, 0.0, 1, 35.0)
    world = replace(bench.world(), host="10.0.0.5", load_workers=lambda: (worker,))
    job = job_of({Arm.CANDIDATE: model_of("old", Bench.models)}, tmp_path / "run")
    result = bench.measure(job, world)

    assert document.read(tmp_path / "run").load_workers == result.load_workers == (worker,)
    assert "late worker" in [caution.code for caution in result.cautions]
    assert hosts == {"10.0.0.5"}


def test_an_interrupted_run_keeps_what_was_measured(tmp_path: Path) -> None:
    bench = Bench(clock=Tick(interrupt_at_s=8.0))
    result = bench.run(tmp_path, "old", "slow")
    assert result.status == "interrupted"
    assert len(result.blocks.block) > 10
    assert document.read(tmp_path).status == "interrupted"
    assert bench.everything_stopped()


@pytest.mark.slow
def test_samples_are_on_disk_before_the_run_ends(tmp_path: Path) -> None:
    bench = Bench()
    seen: list[int] = []

    def look(*_: object) -> None:
        file = tmp_path / samples.FILE_NAME
        if bench.progress.updates == 1000:
            seen.append(samples.read_samples(file).num_rows)
            assert document.read(tmp_path).status == "running"

    models = {Arm.BASELINE: model_of("old", tmp_path), Arm.CANDIDATE: model_of("same", tmp_path)}
    bench.measure(job_of(models, tmp_path), progress=_Watched(bench.progress, look))
    assert seen
    assert seen[0] > 100


class _Watched(RecordingProgress):
    """Calls a function at each update."""

    def __init__(self, inner: object, look: Callable[..., None]) -> None:
        super().__init__()
        assert isinstance(inner, RecordingProgress)
        self._inner, self._look = inner, look

    def update(self, done: Done) -> None:
        self._inner.update(done)
        self._look()


@pytest.mark.slow
def test_without_a_baseline_the_objectives_decide(tmp_path: Path) -> None:
    kept = SCENARIO.model_copy(update={"objectives": {"service_mean_ms": Objective(max=5.0)}})
    broken = SCENARIO.model_copy(update={"objectives": {"service_mean_ms": Objective(max=1.0)}})
    for scenario, verdict in ((kept, Verdict.PASS), (broken, Verdict.FAIL), (SCENARIO, Verdict.INCONCLUSIVE)):
        result = Bench().run(tmp_path, "old", scenario=scenario)
        assert result.comparison == "none"
        assert result.judgement is not None
        assert result.judgement.verdict is verdict, result.judgement.reasons


@pytest.mark.slow
def test_short_memory_means_fewer_replicas_and_says_so(tmp_path: Path) -> None:
    bench = Bench()
    world = replace(bench.world(), available_mib=lambda: 2000.0)
    models = {Arm.BASELINE: model_of("old", tmp_path), Arm.CANDIDATE: model_of("same", tmp_path)}
    result = bench.measure(job_of(models, tmp_path), world)
    assert len(result.replicas) < 8
    assert any(caution.code == CautionKind.MEMORY.code for caution in result.cautions)


def test_a_signature_that_does_not_fit_is_found_before_any_server_starts(tmp_path: Path) -> None:
    bench = Bench()
    with pytest.raises(UsageError, match="nope"):
        bench.run(
            tmp_path / "out",
            "old",
            "same",
            scenario=SCENARIO.model_copy(update={"payload": SCENARIO.payload.model_copy(update={"signature": "nope"})}),
        )
    assert not bench.parents
    assert not (tmp_path / "out").exists()


def test_a_directory_that_cannot_be_written_is_found_before_any_server_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bench = Bench()
    with pytest.raises(UsageError, match="cannot write to"):
        bench.run(tmp_path / "file" / "out", "old", "same")
    assert not bench.parents


def test_a_model_that_changes_while_its_servers_start_is_found(tmp_path: Path) -> None:
    bench = Bench()
    models = {Arm.BASELINE: model_of("old", tmp_path), Arm.CANDIDATE: model_of("same", tmp_path)}
    (tmp_path / "models" / "same" / "saved_model.pb").write_text("another")
    result = bench.measure(job_of(models, tmp_path))
    assert result.status == "invalid"
    assert result.judgement is not None
    assert "changed while its servers were started" in result.judgement.headline


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ((TensorSpec("x", "float32", (1, 4)),), None),
        ((TensorSpec("x", "float64", (None, 4)),), "x float32 then float64"),
        ((TensorSpec("x", "float32", (None, 4)), TensorSpec("y", "bool", (None,))), "y only in the candidate"),
    ],
    ids=["another batch size", "another type", "another input"],
)
def test_arms_with_different_inputs_are_reported(
    inputs: tuple[TensorSpec, ...], words: str | None, tmp_path: Path
) -> None:
    other = Signature(SIGNATURE.key, SIGNATURE.method, inputs, ())
    models = {Arm.BASELINE: model_of("old", tmp_path), Arm.CANDIDATE: model_of("same", tmp_path, other)}
    if words is None:
        with pytest.raises(InvalidRunError, match=r"input x takes \[8, 4\], then \[1, 4\]"):
            job_of(models, tmp_path / "out")
    else:
        cautions = Bench().measure(job_of(models, tmp_path / "out")).cautions
        assert any(words in caution.message for caution in cautions)


def test_models_that_share_no_input_are_not_compared(tmp_path: Path) -> None:
    other = Signature(SIGNATURE.key, SIGNATURE.method, (TensorSpec("audio", "float32", (None, 4)),), ())
    models = {Arm.BASELINE: model_of("old", tmp_path), Arm.CANDIDATE: model_of("same", tmp_path, other)}
    with pytest.raises(InvalidRunError, match=r"have no input in common \(x then audio\)"):
        job_of(models, tmp_path / "out")


def test_an_interrupt_inside_a_library_is_an_interrupt_and_any_other_error_is_not(tmp_path: Path) -> None:
    for happened in (True, False):
        bench = Bench()
        bench.interrupts.happened = happened
        world = replace(bench.world(), observer=_break)
        models = {Arm.BASELINE: model_of("old", tmp_path), Arm.CANDIDATE: model_of("same", tmp_path)}
        job = job_of(models, tmp_path / "out")
        if happened:
            assert bench.measure(job, world).status == "interrupted"
        else:
            with pytest.raises(RuntimeError, match="inside a callback"):
                bench.measure(job, world)


def _break(_: Subject) -> FakeProcessAccounts:
    raise RuntimeError("inside a callback")


@pytest.mark.slow
def test_a_target_that_cannot_execute_is_asked_by_requests_alone(tmp_path: Path) -> None:
    target = Target(kind="command", command="serve {model} {port}")
    bench = Bench()
    result = bench.run(tmp_path, "old", "same", scenario=SCENARIO.model_copy(update={"target": target}))
    *_, requests, _ = bench.progress.phases
    assert requests.name == "single requests"
    assert requests.most_s == pytest.approx(18)
    assert "executions inside the servers" not in {phase.name for phase in bench.progress.phases}
    assert set(result.trials.depth) == {"request"}


@pytest.mark.slow
def test_an_open_loads_schedules_are_named_in_the_result_and_are_the_seeds(tmp_path: Path) -> None:
    load = Load(arrivals="ramp", from_rps=10, to_rps=100)
    first, again = (
        Bench().run(tmp_path / name, "old", "same", scenario=SCENARIO.model_copy(update={"load": load}))
        for name in ("a", "b")
    )
    named = [name for name, lane in zip(first.blocks.schedule, first.blocks.lane, strict=True) if lane == "load"]
    assert named
    assert all(name is not None and name.startswith("sha256:") for name in named)
    assert first.blocks.schedule == again.blocks.schedule == document.read(tmp_path / "a").blocks.schedule


@pytest.mark.slow
def test_a_late_generator_makes_the_run_invalid_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(self: TimedDriver, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        done = FakeDriver.drive(self, calls, load, first_call)
        return replace(done, send_lag_ms=done.send_lag_ms + 50.0, response_ms=done.response_ms + 50.0)

    monkeypatch.setattr(TimedDriver, "drive", late)
    load = Load(arrivals="poisson", rate_rps=50)
    result = Bench().run(tmp_path, "old", "same", scenario=SCENARIO.model_copy(update={"load": load}))
    assert result.judgement is not None
    assert result.judgement.verdict is Verdict.INVALID
    assert "50.0 ms late" in result.judgement.headline
    assert "driver_cpus" in result.judgement.headline, "the last line says what to do as well"
    assert any("driver_cpus" in reason for reason in result.judgement.reasons)


@pytest.mark.slow
def test_the_result_contains_the_power_from_a_calibration(tmp_path: Path) -> None:
    predicted = {"created_utc": "2030-01-01", "metrics": [{"metric": "execute_ms", "needs_s": float("inf")}]}
    advice = Advice("unused", {"calibration": predicted}, (Caution("power", "too short", "--budget 90s"),))
    models = {arm: model_of("old", tmp_path) for arm in Arm}
    result = Bench().measure(replace(job_of(models, tmp_path / "out"), advice=advice))
    assert result.cautions[0].message == "too short"
    stored = document.read(tmp_path / "out").plan
    assert stored["calibration"]["metrics"] == [{"metric": "execute_ms", "needs_s": None}]
    assert stored["seed"] == 5


@pytest.mark.slow
def test_how_servers_start_and_warm_up_are_metrics(tmp_path: Path) -> None:
    result = Bench().run(tmp_path, "old", "same")
    found = {summary.metric for summary in result.summaries}
    assert {"load_time_s", "first_request_ms", "cold_start_s", "warmup_s", "warmup_requests"} <= found
    assert all(facts.warm_ms == pytest.approx(2.0, rel=0.02) for facts in result.replicas)


@pytest.mark.slow
def test_too_few_requests_cause_a_caution_before_measuring(tmp_path: Path) -> None:
    bench = Bench()
    scenario = SCENARIO.model_copy(update={"objectives": {"latency_p99_ms": Objective(max=50)},
                                           "load": Load(arrivals="poisson", rate_rps=20)})  # fmt: skip
    result = bench.run(tmp_path, "old", "same", scenario=scenario)
    gated, bound = bench.progress.cautions
    assert gated.message.startswith("latency_p99_ms needs 2,000 requests under load per arm")
    assert bound.message.startswith("the objective on latency_p99_ms needs 6,995 requests under load per arm")
    assert {gated, bound} <= set(result.cautions)
    assert [phase.name for phase in bench.progress.phases].index("warm-up") == 1
    calm = Bench()
    calm.run(tmp_path, "old", "same", scenario=SCENARIO.model_copy(update={"load": Load(turn_s=1)}))
    assert calm.progress.cautions == []
