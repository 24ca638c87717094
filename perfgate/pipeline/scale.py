"""`perfgate plan --scale`: variants of a sketch, each measured as a short run, and the largest value that holds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf, log, nan
from pathlib import Path

from perfgate.errors import InvalidRunError, UsageError
from perfgate.formatting import number
from perfgate.gate.interim import NominalLevels
from perfgate.gate.objectives import judge_objective, judged_objectives
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME, Source
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.planned import Times, answer_of, fitted, measured, objective_answer, opened
from perfgate.planning.answer import ObjectiveStatus, PlanAnswer, Scale, ScaleLimit, ScaleRange
from perfgate.planning.evaluation import Evaluation, Ratio, ratios_of, together
from perfgate.planning.limit_search import LimitSearch, limit_of
from perfgate.results.loader import read_run
from perfgate.results.progress import Phase, Progress, SilentProgress
from perfgate.results.result import Outcome, Result
from perfgate.results.scenario import as_recorded
from perfgate.scenario.schema import Scenario
from perfgate.serving.fork_ahead import Shared
from perfgate.sketch.builder import Builder
from perfgate.sketch.built import SketchFacts
from perfgate.sketch.dimensions import Range
from perfgate.stats.cross_run import pooled

SECONDS = 160.0
"""Default time of a search for one dimension, with building and starts of servers."""
FRONTIER = 5
"""Values of the second dimension."""
_ONE_S, _REPLICAS = 10.0, 8
"""Time to measure one value, and servers."""
_EXECUTE_SHARE = 0.3
"""Share of that for executions in the servers, where an objective is about them."""
IMPOSSIBLE = "possible here"
"""What a value misses that cannot be built or served on this machine."""
_START = {Source.START, Source.MODEL}


@dataclass(slots=True)
class Findings:
    """What a search leaves besides its limits."""

    shown: dict[str, PlanAnswer] = field(default_factory=dict)
    """What the last measurement of each variant showed, as plans of their own, by the variant's values."""
    notes: list[str] = field(default_factory=list)
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, in which scenario, with what."""

    builder: Builder
    scenario: Scenario
    values: Mapping[str, int]
    """Dimensions that are fixed."""
    options: Options
    host: Host
    out: Path
    findings: Findings = field(default_factory=Findings)

    def limit(self, wanted: Range, fixed: Mapping[str, int], seconds: float, progress: Progress) -> ScaleLimit:
        """Search the largest value of one dimension; ^C ends the search, and what is known by then is kept."""
        host, search = self.host, LimitSearch(wanted.low, wanted.high, self._judge)
        began_s = host.clock()
        for value in search.asks(lambda: (host.clock() - began_s) / seconds):
            done = len(search.measured)
            left_s = max(0.0, seconds - (host.clock() - began_s))
            progress.phase(Phase(f"{_named({**fixed, wanted.dimension: value})}{_so_far(search)}", later_s=left_s))
            try:
                search.tell(self._told(wanted, value, fixed, done))
            except KeyboardInterrupt:
                self.findings.is_complete = False
                break
        if search.measured and search.is_reversed:
            ends = f"{_named({**fixed, wanted.dimension: wanted.low})} breaks, and {wanted.high} holds"
            self.findings.notes.append(f"{ends}: larger is faster here, but a search assumes that larger is slower")
        return limit_of(search, dict(fixed))

    def _told(self, wanted: Range, value: int, fixed: Mapping[str, int], number: int) -> Evaluation:
        """Measure a value, twice if the run is invalid; one that cannot be built or served here counts as breaking.

        The smallest one must work: its error is the command's.
        """
        try:
            try:
                return self.evaluation(wanted.dimension, value, fixed, number)
            except InvalidRunError:
                return self.evaluation(wanted.dimension, value, fixed, number)
        except (UsageError, InvalidRunError) as error:
            if value == wanted.low:
                raise
            self.findings.notes.append(f"{_named({wanted.dimension: value})} cannot be measured: {error.in_a_line}")
            return Evaluation(value, {IMPOSSIBLE: Ratio(nan, 0.0, inf, ObjectiveStatus.BREAKS)})

    def _judge(self, measured: Sequence[Evaluation]) -> ObjectiveStatus:
        """Judge all requests of several measurements as those of one run."""
        if any(each.evidence is None for each in measured):
            return ObjectiveStatus.BREAKS
        gate, asked = self.scenario.gate, judged_objectives(self.scenario.objectives)
        table = pooled([each.evidence for each in measured])
        levels = NominalLevels.of(gate.alpha, 1)
        found = [judge_objective(BY_NAME[name], bound, table, levels) for name, bound in asked.items()]
        return together(objective_answer(each).status for each in found if not each.warns)

    def evaluation(self, dimension: str, value: int, fixed: Mapping[str, int], number: int) -> Evaluation:
        """Build and measure one value in servers of its own."""
        facts = self.builder.build({**self.values, **fixed, dimension: value})
        name = _named({**fixed, dimension: value})
        directory = self.out / "scale" / name / str(number)
        try:
            comparison, result = self._measured(facts, directory)
        finally:
            shutil.rmtree(facts.path, ignore_errors=True)
        if result.status is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        _, table = read_run(directory)
        found = answer_of(facts, comparison, result, table)
        if not found.objectives or found.verdict is Verdict.INVALID:
            raise InvalidRunError("; ".join(found.notes[:1]) or "nothing was measured", f"see {directory}")
        self.findings.shown[name] = found
        return Evaluation(value, ratios_of(found.objectives), facts.parameters, table)

    def _measured(self, facts: SketchFacts, directory: Path) -> tuple[Comparison, Result]:
        times = Times(_ONE_S, _execute_share(self.scenario), 0.0, 0.0)
        scenario = fitted(self.scenario, facts, times)
        budget = scenario.budget.model_copy(update={"replicas": min(scenario.budget.replicas, _REPLICAS)})
        comparison = opened(facts, scenario.model_copy(update={"budget": budget}), self.host, None)
        found = measured(comparison, replace(self.options, out=directory), self.host, directory, stops_early=True)
        return comparison, found


def scaled(search: Search, ranges: Sequence[Range], seconds: float, run_id: str) -> PlanAnswer:
    """Search one dimension or, for several values of a second one, the frontier of both."""
    host = search.host
    created, began_s = host.now(), host.clock()
    with host.progress() as progress:
        shared = Shared(host.ahead, host.environ, host.cpus())
        try:
            quiet = replace(search, host=replace(host, ahead=shared, progress=SilentProgress))
            limits = tuple(_limits(quiet, ranges, seconds, progress))
        finally:
            shared.stop()
    seconds = host.clock() - began_s
    found = Scale(tuple(ScaleRange(each.dimension, each.low, each.high) for each in ranges), limits, seconds)
    if not search.findings.shown:
        raise KeyboardInterrupt
    shown = _shown(search, ranges[0].dimension, limits)
    return replace(
        shown,
        plan_id=run_id,
        created_utc=created.isoformat(timespec="seconds"),
        complete=search.findings.is_complete,
        scenario=as_recorded(search.scenario),
        verdict=_verdict(limits),
        objectives=(),
        promises=(),
        notes=tuple(search.findings.notes),
        scale=found,
        seconds=seconds,
    )


def _shown(search: Search, dimension: str, limits: Sequence[ScaleLimit]) -> PlanAnswer:
    """Return the variant with the largest value that holds, or the first one if none does."""
    largest = max(limits, key=lambda limit: limit.holds or 0)
    if largest.holds is None:
        return next(iter(search.findings.shown.values()))
    return search.findings.shown[_named({**largest.fixed, dimension: largest.holds})]


def _verdict(limits: Sequence[ScaleLimit]) -> Verdict:
    """Return pass if a size that holds is known everywhere, fail if even the smallest breaks somewhere."""
    if all(limit.holds is not None for limit in limits):
        return Verdict.PASS
    broken = any(limit.points and limit.breaks == limit.points[0].value for limit in limits)
    return Verdict.FAIL if broken else Verdict.INCONCLUSIVE


def _limits(search: Search, ranges: Sequence[Range], seconds: float, progress: Progress) -> Iterator[ScaleLimit]:
    first, *others = ranges
    if not others:
        yield search.limit(first, {}, seconds, progress)
        return
    (second,) = others
    values = spaced(second)
    for value in values:
        if search.findings.is_complete:
            yield search.limit(first, {second.dimension: value}, seconds / len(values), progress)


def spaced(wanted: Range) -> tuple[int, ...]:
    """Return values of a range at equal ratios, its ends among them."""
    step = log(wanted.high / wanted.low) / (FRONTIER - 1)
    return tuple(sorted({round(wanted.low * exp(step * place)) for place in range(FRONTIER)}))


def _execute_share(scenario: Scenario) -> float:
    """Return the share of the time for executions: none, if no objective is about them."""
    sources = [BY_NAME[name].sources for name in scenario.objectives]
    from_execution = [each for each in sources if Source.EXECUTE in each and Source.LOAD not in each[:1]]
    others = [each for each in sources if each not in from_execution and not _START & set(each)]
    if not from_execution:
        return 0.0
    return _EXECUTE_SHARE if others else 1.0


def _named(values: Mapping[str, int]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _so_far(search: LimitSearch) -> str:
    holds, breaks = search.proven
    known = [f"{number(holds)} holds"] if holds is not None else []
    known += [f"{number(breaks)} breaks"] if breaks is not None else []
    return f" ({', '.join(known)})" if known else ""


def check_ranges(ranges: Sequence[Range], objectives: Mapping[str, object], values: Mapping[str, int]) -> None:
    """Raise UsageError for what cannot be searched."""
    if len(ranges) > 2:
        raise UsageError(f"--scale takes one dimension, or two for a frontier, not {len(ranges)}", "leave some out")
    names = [each.dimension for each in ranges]
    if both := [name for name in names if name in values]:
        raise UsageError(f"--scale varies {both[0]}, and --set fixes it", "leave one of them out")
    if len(set(names)) < len(names):
        raise UsageError(f"--scale names {names[0]} twice", "name two dimensions")
    if ranges and "capacity_rps" in objectives:
        problem = "--scale measures each value for seconds, which is too short for the objective on capacity_rps"
        raise UsageError(problem, "give the scenario a rate, and an objective such as latency_p99_ms")
