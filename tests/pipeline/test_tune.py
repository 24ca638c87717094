"""Exploring settings on fakes: their servers' service times depend on the settings alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from perfgate.capacity.answer import CapacityKind
from perfgate.capacity.tuning_candidates import CURRENT, NO_BATCHING, Candidate, batching_candidates, current_of
from perfgate.capacity.tuning_front import best_of, carried_rps
from perfgate.errors import InvalidRunError, UsageError
from perfgate.experiment.world import World
from perfgate.pipeline.capacity import with_budget
from perfgate.pipeline.tune import _answer, _compared, ensure_tunable
from perfgate.pipeline.tune_explore import Exploration, Time, explore
from perfgate.results.progress import RecordingProgress
from perfgate.scenario.schema import Batching, Budget, Load, Objective, Scenario, Server, Target
from perfgate.serving.fake import FakeLauncher, FakeReplica
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Arm
from tests.pipeline.fake_runs import EXECUTE_MS, Bench, Tick, job_of, model_of

SECONDS = 240.0
SCENARIO = Scenario(
    load=Load(arrivals="poisson", rate_rps=100),
    objectives={"latency_p99_ms": Objective(max=20)},
    server=Server(batching=Batching(max_batch_size=32, batch_timeout_micros=1000, num_batch_threads=1)),
    budget=Budget(measure_s=SECONDS, replicas=2, parents=1),
)


@dataclass(slots=True)
class _Launcher(FakeLauncher):
    """Serves in a time that depends on the settings, and refuses some."""

    service_ms: Callable[[Server], float] = lambda _: 2.0

    def start(self, spec: ReplicaSpec) -> FakeReplica:
        mean_ms = self.service_ms(spec.settings)
        replica = FakeLauncher.start(self, spec)
        replica.mean_ms = mean_ms
        return replica


@dataclass
class _Bench(Bench):
    service_ms: Callable[[Server], float] = lambda _: 2.0

    def _parent(self, number: int) -> FakeLauncher:  # each of the two fork servers has number 0
        self.parents.append(_Launcher(number + len(self.parents), EXECUTE_MS, service_ms=self.service_ms))
        return self.parents[-1]


@pytest.fixture(autouse=True)
def _place_for_models(tmp_path_factory: pytest.TempPathFactory) -> None:
    Bench.models = tmp_path_factory.mktemp("models")


def _unbatched_is_fast(server: Server) -> float:
    return 4.0 if server.batching else 2.0


def _explored(bench: _Bench, out: Path, so_far: Exploration | None = None) -> tuple[Exploration, World, Time]:
    so_far = so_far or Exploration()
    job = job_of({Arm.CANDIDATE: model_of("old", Bench.models)}, out, with_budget(SCENARIO, SECONDS))
    world = bench.world()
    current = current_of(SCENARIO.server)
    candidates: tuple[Candidate, ...] = (current, *batching_candidates(current, 8, 1, 3))
    time = Time(SECONDS, world.clock(), world.clock)
    explore(job, world, candidates, 1, time, RecordingProgress(), so_far)
    return so_far, world, time


def test_faster_settings_are_found_and_all_servers_end(tmp_path: Path) -> None:
    bench = _Bench(service_ms=_unbatched_is_fast)
    so_far, _, _ = _explored(bench, tmp_path)
    settings = so_far.settings()
    assert best_of(settings, carried_rps) == NO_BATCHING
    current, unbatched = (next(each for each in settings if each.name == name) for name in (CURRENT, NO_BATCHING))
    assert unbatched.kind is current.kind is CapacityKind.ESTIMATED
    assert unbatched.capacity_rps / current.capacity_rps == pytest.approx(
        2.4, rel=0.25
    )  # of M/D/1 with bounds of 5 and 10 times the service
    assert unbatched.p99_ms < current.p99_ms
    assert (so_far.reference_rps, so_far.reference_stated) == (100, True)
    assert bench.everything_stopped()


def test_settings_that_are_refused_are_kept_with_the_reason(tmp_path: Path) -> None:
    def refuse(server: Server) -> float:
        if server.batching is None:
            raise InvalidRunError("no batching: refused", "use batches")
        return 2.0

    bench = _Bench(service_ms=refuse)
    so_far, _, _ = _explored(bench, tmp_path)
    found = {each.name: each for each in so_far.settings()}
    assert found[NO_BATCHING].problem == "no batching: refused. Use batches"
    assert found[CURRENT].kind is CapacityKind.ESTIMATED
    assert bench.everything_stopped()


def test_without_the_current_settings_there_is_nothing_to_compare(tmp_path: Path) -> None:
    def refuse(_: Server) -> float:
        raise InvalidRunError("refused")

    bench = _Bench(service_ms=refuse)
    with pytest.raises(InvalidRunError, match="refused"):
        _explored(bench, tmp_path)
    assert bench.everything_stopped()


def test_an_interrupt_keeps_what_is_known(tmp_path: Path) -> None:
    bench = _Bench(clock=Tick(interrupt_at_s=70), service_ms=_unbatched_is_fast)
    so_far = Exploration()
    with pytest.raises(KeyboardInterrupt):
        _explored(bench, tmp_path, so_far)
    assert bench.everything_stopped()
    job = job_of({Arm.CANDIDATE: model_of("old", Bench.models)}, tmp_path, SCENARIO)
    answer = _answer(job, so_far, None, 70.0, 1)
    assert not answer.complete
    assert answer.tuning is not None
    assert answer.tuning.compared is None
    assert answer.tuning.objective == CURRENT
    assert answer.tuning.settings[0].rounds == 1


@pytest.mark.parametrize(("factor", "better"), [(2.0, True), (1.0, False)])
def test_the_best_settings_are_compared_with_the_current_ones(tmp_path: Path, factor: float, better: bool) -> None:
    bench = _Bench(service_ms=lambda server: 2.0 * factor if server.batching else 2.0)
    so_far, world, time = _explored(bench, tmp_path)
    scenario = with_budget(SCENARIO, SECONDS)
    job = job_of({Arm.CANDIDATE: model_of("old", Bench.models)}, tmp_path, scenario)
    compared = _compared(job, world, so_far, time, RecordingProgress())
    assert compared is not None
    answer = _answer(job, so_far, compared, SECONDS, 1)
    assert answer.complete
    assert answer.change is None, "one model alone"
    assert [arm.arm for arm in answer.arms] == [Arm.CANDIDATE]
    assert answer.tuning is not None
    assert answer.tuning.compared is not None
    assert answer.tuning.compared.better is better
    assert answer.tuning.objective == (NO_BATCHING if better else CURRENT)
    assert bool(answer.tuning.batching_file) is not better
    assert bench.everything_stopped()
    assert bench.clock.now_s < 1.15 * SECONDS


@pytest.mark.parametrize("kind", ["in_process", "endpoint"])
def test_only_perfgates_own_server_is_tuned(tmp_path: Path, kind: str) -> None:
    job = job_of({Arm.CANDIDATE: model_of("old", Bench.models)}, tmp_path, SCENARIO)
    target = Target.model_construct(kind=kind)
    other = replace(job.comparison, scenario=SCENARIO.model_copy(update={"target": target}))
    with pytest.raises(UsageError, match="perfgate's own server"):
        ensure_tunable(other, SECONDS)


def test_too_little_time_is_refused(tmp_path: Path) -> None:
    job = job_of({Arm.CANDIDATE: model_of("old", Bench.models)}, tmp_path, SCENARIO)
    with pytest.raises(UsageError, match="at least 60 s") as refused:
        ensure_tunable(job.comparison, 20)
    assert "--budget" in refused.value.remedy
