"""A calibration from runs of a model against itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from perfgate.baseline.calibration import AgainstItself, Calibration, Detectable
from perfgate.experiment.plan import EXECUTING, Plan, Segment, make_plan
from perfgate.gate.power import powers
from perfgate.gate.verdict import Verdict
from perfgate.metrics import METRICS, Source
from perfgate.results.result import Result
from perfgate.scenario.effective import EffectiveScenario
from perfgate.scenario.schema import Scenario
from perfgate.stats.table import TrialTable
from perfgate.stats.variance import OccasionNumbers, components_of
from perfgate.stats.variance_components import Components
from perfgate.trials import Arm, Depth, Lane
from perfgate.version import __version__

BUDGETS_S = (15.0, 30.0, 45.0, 60.0, 120.0, 300.0)


def calibration_of(runs: Sequence[tuple[Result, TrialTable]], created_utc: str) -> Calibration:
    """Compute a calibration from at least one complete run of one scenario (see perfgate.results.loader)."""
    result = runs[0][0]
    occasions = [OccasionNumbers(table, _seconds(each)) for each, table in runs]
    found = tuple(each for metric in METRICS if (each := components_of(metric, occasions)) is not None)
    scenario = EffectiveScenario.model_validate(result.scenario)
    replicas = len(result.plan["slots"]) // len(result.models)
    return Calibration(
        created_utc=created_utc,
        fingerprint=result.fingerprint,
        scenario_name=scenario.name,
        scenario_digest=result.scenario_digest,
        model_digest=result.models[Arm.CANDIDATE].digest,
        components=found,
        detectable=tuple(_detectable(found, scenario, replicas)),
        overhead_s=median(each.wall_s - sum(each.blocks.wall_s) for each, _ in runs),
        measure_s=scenario.budget.measure_s,
        parents=len({slot["parent"] for slot in result.plan["slots"]}),
        runs=tuple(_against_itself(each) for each, _ in runs),
        perfgate_version=__version__,
    )


def plan_for(scenario: Scenario, replicas: int, measure_s: float | None = None) -> Plan:
    """Return the design of a comparison of `replicas` an arm, with the scenario's budget or another."""
    if measure_s is not None:
        budget = scenario.budget.model_copy(update={"measure_s": measure_s})
        scenario = scenario.model_copy(update={"budget": budget})
    return make_plan(scenario, tuple(Arm), 0, replicas, executes=scenario.target.kind in EXECUTING)


def _seconds(result: Result) -> Mapping[Source, float]:
    blocks = result.blocks
    seconds: dict[Source, float] = defaultdict(float)
    for lane, depth, wall_s in zip(blocks.lane, blocks.depth, blocks.wall_s, strict=True):
        seconds[Segment(Lane(lane), Depth(depth), wall_s).source] += wall_s
    return seconds


def _detectable(components: tuple[Components, ...], scenario: Scenario, replicas: int) -> Iterator[Detectable]:
    for budget_s in BUDGETS_S:
        for power in powers(components, scenario, plan_for(scenario, replicas, budget_s)):
            yield Detectable(power.metric, budget_s, power.detectable)


def _against_itself(result: Result) -> AgainstItself:
    metrics = result.judgement.metrics if result.judgement else ()
    failed = tuple(each.metric for each in metrics if each.gated and each.verdict is Verdict.FAIL)
    verdict = result.judgement.verdict.value if result.judgement else result.status
    return AgainstItself(result.run_id, result.created_utc, verdict, failed)
