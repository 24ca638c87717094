"""The search for a size, on fake servers whose time grows with a width."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from perfgate.cli.interrupts import Interrupts
from perfgate.errors import ExitCode, InvalidRunError, UsageError
from perfgate.experiment.world import World
from perfgate.gate.verdict import Verdict
from perfgate.pipeline import planned, single_job
from perfgate.pipeline.comparison import Comparison, comparison_of
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.plan_command import exit_code
from perfgate.pipeline.scale import FRONTIER, IMPOSSIBLE, Search, check_ranges, scaled, spaced
from perfgate.planning.answer import ObjectiveStatus, PlanAnswer
from perfgate.planning.evaluation import together
from perfgate.report.html.plan import write_plan
from perfgate.report.terminal.plan import print_plan
from perfgate.results import plan_document
from perfgate.results.progress import RecordingProgress
from perfgate.scenario.schema import Scenario
from perfgate.sketch.built import SketchFacts
from perfgate.sketch.dimensions import Range
from tests.pipeline.fake_runs import EXECUTE_MS, Bench, Tick, model_of
from tests.planning.answers import SKETCH

WIDTH, DEPTH = "layers.width", "layers.depth"
LIMIT = 800
"""Width at which an execution takes the 4 ms that it may, with one layer."""
SCENARIO = Scenario.model_validate({"name": "ranking", "objectives": {"execute_ms": {"max": 4.0}}})
SHORT = 700.0
"""Seconds of the fake host: each evaluation takes 100."""


@dataclass
class FakeBuilder:
    """Builds models whose names say how long they take: in proportion to width and depth."""

    root: Path
    built: list[Mapping[str, int]] = field(default_factory=list)

    def build(self, values: Mapping[str, int]) -> SketchFacts:
        self.built.append(dict(values))
        width, depth = values[WIDTH], values.get(DEPTH, 1)
        name = f"w{width}d{depth}"
        EXECUTE_MS[name] = 4.0 * width * depth / LIMIT
        model = model_of(name, self.root)
        found = replace(SKETCH, path=str(model.path), parameters=width * depth, cardinalities={})
        return replace(found, dimensions=dict(values))


@dataclass
class Clock:
    """A host's clock: every building advances it by 100 s, which stands for an evaluation."""

    builder: FakeBuilder

    def __call__(self) -> float:
        return 100.0 * len(self.builder.built)


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBuilder]:
    made = FakeBuilder(tmp_path / "built")
    known = dict(EXECUTE_MS)

    def opened(scenario: Scenario, given: Mapping[Any, str], *_: object) -> Comparison:
        return comparison_of(scenario, {arm: model_of(Path(path).name, made.root) for arm, path in given.items()})

    monkeypatch.setattr(planned, "open_arms", opened)
    monkeypatch.setattr(planned, "world_of", lambda *_: Bench().world())
    monkeypatch.setattr(single_job, "environment", lambda *_: {"cpu_model": "fake", "cores": 2.0})
    yield made
    EXECUTE_MS.clear()
    EXECUTE_MS.update(known)


def _options() -> Options:
    return Options(
        scenarios=(), budget=None, replicas=None, seed=1, out=None, intra_op_threads=None, inter_op_threads=None,
        cpus=None, driver_cpus=None, as_json=False, quiet=True, verbose=False,
    )  # fmt: skip


def _host(builder: FakeBuilder, progress: RecordingProgress | None = None) -> Host:
    return Host(
        environ={}, arguments=(), now=lambda: datetime(2030, 1, 2, tzinfo=UTC), clock=Clock(builder),
        random_bits=lambda _: 7, cpus=lambda: (0, 1), use_cpus=lambda _: None, interrupts=Interrupts(),
        progress=lambda: progress or RecordingProgress(), console=Console(file=io.StringIO()), stdout=io.StringIO(),
        stderr=io.StringIO(),
    )  # fmt: skip


def _search(
    builder: FakeBuilder, out: Path, scenario: Scenario = SCENARIO, values: Mapping[str, int] | None = None
) -> Search:
    return Search(builder, scenario, values or {}, _options(), _host(builder), out)  # type: ignore[arg-type]


def _scaled(builder: FakeBuilder, out: Path, *ranges: Range, seconds: float = SHORT) -> PlanAnswer:
    return scaled(_search(builder, out), ranges, seconds, "run-plan-7")


@pytest.mark.slow
def test_the_width_whose_time_is_the_bound_is_found(builder: FakeBuilder, tmp_path: Path) -> None:
    found = _scaled(builder, tmp_path / "out", Range(WIDTH, 100, 6400), seconds=1200.0)
    assert found.scale is not None
    (limit,) = found.scale.limits
    assert limit.lower <= LIMIT <= limit.upper
    assert limit.estimate == pytest.approx(LIMIT, rel=0.03)
    assert limit.holds is not None
    assert limit.breaks is not None
    assert limit.holds < LIMIT < limit.breaks
    assert limit.objective == "execute_ms"
    assert sum(point.measurements for point in limit.points) == len(builder.built) <= 12
    assert all(point.ratio == pytest.approx(point.value / LIMIT, rel=0.03) for point in limit.points)
    assert [point.parameters for point in limit.points] == [point.value for point in limit.points]


@pytest.mark.slow
def test_the_answer_shows_the_largest_size_that_holds(builder: FakeBuilder, tmp_path: Path) -> None:
    found = _scaled(builder, tmp_path / "out", Range(WIDTH, 100, 6400))
    assert found.scale is not None
    assert found.sketch.dimensions == {WIDTH: found.scale.limits[0].holds}
    assert (found.verdict, found.complete, found.plan_id) == (Verdict.PASS, True, "run-plan-7")
    assert (found.objectives, found.promises, found.capacity) == ((), (), None)
    assert found.scale.seconds == 100.0 * len(builder.built)
    assert repr(plan_document.from_json(plan_document.to_json(found)).scale) == repr(found.scale)
    assert list(builder.root.rglob("saved_model.pb")) == [], "models are removed once they are measured"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "verdict", "ends"),
    [(Range(WIDTH, 1600, 6400), Verdict.FAIL, [None, 1600]), (Range(WIDTH, 100, 200), Verdict.PASS, [200, None])],
)
def test_a_range_on_one_side_of_the_limit(
    builder: FakeBuilder, tmp_path: Path, wanted: Range, verdict: Verdict, ends: list[int | None]
) -> None:
    found = _scaled(builder, tmp_path / "out", wanted)
    assert found.scale is not None
    (limit,) = found.scale.limits
    assert found.verdict is verdict
    assert [limit.holds, limit.breaks] == ends
    assert {each[WIDTH] for each in builder.built} <= {wanted.low, wanted.high}


@pytest.mark.slow
def test_two_dimensions_are_a_limit_of_the_first_for_values_of_the_second(builder: FakeBuilder, tmp_path: Path) -> None:
    ranges = Range(WIDTH, 50, 6400), Range(DEPTH, 1, 3)
    found = _scaled(builder, tmp_path / "out", *ranges, seconds=500.0 * 3)
    assert found.scale is not None
    assert [each.dimension for each in found.scale.ranges] == [WIDTH, DEPTH]
    assert [limit.fixed for limit in found.scale.limits] == [{DEPTH: depth} for depth in (1, 2, 3)]
    for limit in found.scale.limits:
        assert limit.lower <= LIMIT / limit.fixed[DEPTH] <= limit.upper
        assert limit.estimate == pytest.approx(LIMIT / limit.fixed[DEPTH], rel=0.15)
    assert found.verdict is Verdict.PASS


@pytest.mark.slow
def test_what_is_shown_is_a_variant_that_was_proven_to_hold(builder: FakeBuilder, tmp_path: Path) -> None:
    """With four layers half of the width breaks that holds with one, and both are measured."""
    found = _scaled(builder, tmp_path / "out", Range(WIDTH, 100, 400), Range(DEPTH, 1, 4), seconds=400.0 * 4)
    assert found.scale is not None
    shown = found.sketch.dimensions
    (limit,) = [each for each in found.scale.limits if each.fixed[DEPTH] == shown[DEPTH]]
    assert shown[WIDTH] == limit.holds == 400
    assert shown[DEPTH] * shown[WIDTH] <= LIMIT


@pytest.mark.slow
def test_set_dimensions_stay_as_they_are_set(builder: FakeBuilder, tmp_path: Path) -> None:
    search = _search(builder, tmp_path / "out", values={DEPTH: 2})
    found = search.evaluation(WIDTH, 200, {}, 0)
    assert builder.built == [{DEPTH: 2, WIDTH: 200}]
    assert (found.value, found.parameters) == (200, 400)
    assert found.ratios["execute_ms"].value == pytest.approx(0.5, rel=0.02)
    assert found.ratios["execute_ms"].status is ObjectiveStatus.HOLDS


@pytest.mark.slow
def test_several_measurements_prove_what_one_leaves_open(builder: FakeBuilder, tmp_path: Path) -> None:
    search = _search(builder, tmp_path / "out")
    near = [search.evaluation(WIDTH, width, {}, number) for number, width in enumerate((797, 797, 796, 797))]
    apart = {each.ratios["execute_ms"].status for each in near}
    assert search._judge(near) in {ObjectiveStatus.HOLDS, together(apart)}
    far = [search.evaluation(WIDTH, 1200, {}, 9)]
    assert search._judge(far) is ObjectiveStatus.BREAKS
    assert search._judge([search.evaluation(WIDTH, 400, {}, 10)]) is ObjectiveStatus.HOLDS


@pytest.mark.slow
def test_an_objective_that_only_warns_limits_nothing(builder: FakeBuilder, tmp_path: Path) -> None:
    warns = {"execute_ms": {"max": 4.0}, "service_mean_ms": {"max": 1e-3, "severity": "warn"}}
    scenario = Scenario.model_validate({"name": "ranking", "objectives": warns})
    search = _search(builder, tmp_path / "out", scenario)
    found = search.evaluation(WIDTH, 400, {}, 0)
    assert set(found.ratios) == {"execute_ms"}
    assert search._judge([found]) is ObjectiveStatus.HOLDS


@dataclass
class SmallOnly(FakeBuilder):
    """Builds models of which none that is wider than 900 loads."""

    widest: int = 900

    def build(self, values: Mapping[str, int]) -> SketchFacts:
        found = FakeBuilder.build(self, values)
        if values[WIDTH] > self.widest:
            del EXECUTE_MS[Path(found.path).name]
        return found


@pytest.mark.slow
def test_a_size_that_cannot_be_served_counts_as_breaking(builder: FakeBuilder, tmp_path: Path) -> None:
    small = SmallOnly(builder.root, widest=500)
    found = _scaled(small, tmp_path / "out", Range(WIDTH, 100, 6400), seconds=1200.0)
    assert found.scale is not None
    (limit,) = found.scale.limits
    assert limit.holds is not None
    assert limit.breaks is not None
    assert limit.holds <= 500 < limit.breaks
    assert limit.lower <= 500 <= limit.upper
    assert limit.objective == IMPOSSIBLE
    assert found.notes[0].startswith("layers.width=6400 cannot be measured: candidate server: ")
    assert [each[WIDTH] for each in small.built].count(6400) == 2, "it is tried again once"
    text = io.StringIO()
    print_plan(Console(file=text, width=400), plan_document.from_json(plan_document.to_json(found)), verbose=True)
    assert IMPOSSIBLE in text.getvalue()
    assert IMPOSSIBLE in write_plan(found, tmp_path).read_text()


@pytest.mark.slow
def test_the_smallest_size_must_work(builder: FakeBuilder, tmp_path: Path) -> None:
    small = SmallOnly(builder.root, widest=50)
    with pytest.raises(InvalidRunError, match="does not load"):
        _scaled(small, tmp_path / "out", Range(WIDTH, 100, 6400))


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_known(
    builder: FakeBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def world(*_: object) -> World:
        ends = len(builder.built) == 3
        return Bench(clock=Tick(interrupt_at_s=3.0)).world() if ends else Bench().world()

    monkeypatch.setattr(planned, "world_of", world)
    found = _scaled(builder, tmp_path / "out", Range(WIDTH, 100, 6400))
    assert len(builder.built) == 3
    assert found.scale is not None
    assert [point.value for point in found.scale.limits[0].points] == [100, 6400]
    assert not found.complete
    assert exit_code(found) is ExitCode.INTERRUPTED


@pytest.mark.slow
def test_an_interrupt_before_anything_is_known_ends_the_command(
    builder: FakeBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planned, "world_of", lambda *_: Bench(clock=Tick(interrupt_at_s=3.0)).world())
    with pytest.raises(KeyboardInterrupt):
        _scaled(builder, tmp_path / "out", Range(WIDTH, 100, 6400))
    assert len(builder.built) == 1


def test_values_of_the_second_dimension_are_at_equal_ratios() -> None:
    assert spaced(Range(DEPTH, 1, 16)) == (1, 2, 4, 8, 16)
    assert spaced(Range(DEPTH, 1, 3)) == (1, 2, 3), "whole numbers, each once"
    for low, high in ((7, 8), (10, 10_000), (3, 5)):
        found = spaced(Range(DEPTH, low, high))
        assert (found[0], found[-1]) == (low, high)
        assert list(found) == sorted(set(found))
        assert len(found) <= FRONTIER


@pytest.mark.parametrize(
    ("ranges", "objectives", "words"),
    [
        ([Range(name, 1, 2) for name in ("a", "b", "c")], {}, "one dimension, or two"),
        ([Range("a", 1, 2), Range("a", 3, 4)], {}, "names a twice"),
        ([Range("a", 1, 2)], {"capacity_rps": {}}, "too short for the objective on capacity_rps"),
    ],
)
def test_what_cannot_be_searched_is_refused(ranges: list[Range], objectives: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_ranges(ranges, objectives, {})


def test_an_objective_on_the_capacity_is_fine_where_nothing_is_searched() -> None:
    check_ranges([], {"capacity_rps": {}}, {})
    check_ranges([Range("a", 1, 2), Range("b", 1, 2)], {"latency_p99_ms": {}}, {"c": 3})


def test_a_dimension_is_either_varied_or_fixed() -> None:
    with pytest.raises(UsageError, match="--scale varies b, and --set fixes it"):
        check_ranges([Range("a", 1, 2), Range("b", 1, 2)], {}, {"b": 3})
