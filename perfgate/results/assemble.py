"""The result, assembled from what was known beforehand, what was measured, and the verdict."""

from __future__ import annotations

from dataclasses import replace

from perfgate.explain.explanation import Explanation
from perfgate.explain.profile import Profile
from perfgate.gate.interim import Look
from perfgate.gate.verdict import Judgement
from perfgate.results.columns import block_columns, trial_columns
from perfgate.results.recorder import RecordedRun
from perfgate.results.result import Outcome, Result
from perfgate.results.scenario import scenario_of
from perfgate.stats.classes import class_summaries
from perfgate.stats.gate_inputs import with_typical
from perfgate.stats.generator import generator_facts
from perfgate.stats.payload_changes import payload_changes
from perfgate.stats.stages import batch_sizes, stage_summaries
from perfgate.stats.summarise import curves, summarise
from perfgate.trials import Caution


def assemble(  # noqa: PLR0913 - the parts of a result
    recorded: RecordedRun,
    outcome: Outcome,
    judgement: Judgement,
    *,
    looks: tuple[Look, ...] = (),
    cautions: tuple[Caution, ...] = (),
    explanation: Explanation | None = None,
    profile: Profile | None = None,
    wall_s: float,
) -> Result:
    """Summarise what was recorded and add the verdict; `cautions` follow those that were known beforehand."""
    begun, table = recorded.begun, recorded.table
    trials = tuple(trial for block in recorded.blocks for trial in block.trials)
    scenario = scenario_of(begun.scenario)
    return replace(
        begun,
        status=outcome,
        judgement=judgement,
        summaries=with_typical(summarise(table), table),
        curves=curves(table),
        replicas=recorded.replicas,
        trials=trial_columns(trials),
        stages=stage_summaries(trials),
        batch_sizes=batch_sizes(trials),
        request_classes=class_summaries(trials, tuple(scenario.classes)),
        generator=generator_facts(trials, scenario.load.busy_workers),
        blocks=block_columns(recorded.blocks),
        looks=looks,
        payload_changes=payload_changes(table),
        cautions=(*begun.cautions, *cautions),
        explanation=explanation,
        profile=profile,
        wall_s=wall_s,
    )
