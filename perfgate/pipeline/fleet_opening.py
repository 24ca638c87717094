"""A fleet's gates opened before anything is measured: what each one compares, and what its measurement depends on."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perfgate.errors import InvalidRunError, NoBaselineError, PerfgateError, UsageError
from perfgate.fleet.gates import FleetGate
from perfgate.fleet.judging import Levels, fails_alone
from perfgate.fleet.own_settings import without_own
from perfgate.fleet.schema import FleetFile
from perfgate.gate.objectives import judged_objectives
from perfgate.gate.verdict import Verdict
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.stored import all_with_stored
from perfgate.results.result import Result
from perfgate.trials import Arm
from perfgate.version import __version__

NO_OPTIONS = Options(
    scenarios=(), budget=None, replicas=None, seed=None, out=None, intra_op_threads=None, inter_op_threads=None,
    cpus=None, driver_cpus=None, as_json=False, quiet=True, verbose=False,
)  # fmt: skip
"""Those of a gate that the fleet file says nothing about."""


@dataclass(frozen=True, slots=True)
class OpenedGate:
    """One gate, ready to be measured, or why it cannot be."""

    gate: FleetGate
    comparison: Comparison | None
    key: str
    """Digest of everything that a gate's measurement depends on but its round."""
    verdict: Verdict | None = None
    """Verdict of a gate that cannot be measured."""
    problem: str = ""

    @property
    def measure_s(self) -> float:
        """Measuring time of the first round."""
        return self.comparison.scenario.budget.measure_s if self.comparison else 0.0


@dataclass(frozen=True, slots=True)
class Opener:
    """What gates are opened with."""

    fleet: FleetFile
    store: str
    levels: Levels
    options: Options
    settings: Mapping[str, Any]
    """Of perfgate.toml, which measurements read, too."""
    software: Mapping[str, Any]
    """Version of TensorFlow, and variables that it reads."""
    host: Host

    def open(self, gates: Sequence[FleetGate]) -> tuple[OpenedGate, ...]:
        """Open models, scenarios and baselines of all gates.

        UsageError for the first that cannot be opened at all. A gate without a baseline is undecided, and one whose
        stored model was changed is invalid, without stopping the others.
        """
        return tuple(self._opened(gate) for gate in gates)

    def _opened(self, gate: FleetGate) -> OpenedGate:
        try:
            comparison = self._comparison(gate)
        except NoBaselineError as error:
            problem = error.in_a_line.replace(" record MODEL ", f" record {shlex.quote(gate.model)} ")
            return OpenedGate(gate, None, "", Verdict.INCONCLUSIVE, problem)
        except InvalidRunError as error:
            return OpenedGate(gate, None, "", Verdict.INVALID, error.in_a_line)
        except PerfgateError as error:
            error.problem = f"{gate.gate_id}: {error.problem}"
            raise
        return OpenedGate(gate, comparison, self._key(gate, comparison))

    def _comparison(self, gate: FleetGate) -> Comparison:
        own = options_of(gate, self.options)
        if gate.against:
            return own.comparisons(self.host, baseline=gate.against, candidate=gate.model)[0]
        alone = own.comparisons(self.host, candidate=gate.model)
        if gate.baseline is not None:
            return all_with_stored(alone, self.store, gate.baseline, own, self.host, numbers_only=False)[0]
        if not judged_objectives(alone[0].scenario.objectives):
            problem = f"nothing to judge: objectives_only, but scenario {alone[0].scenario.name} has no [objectives]"
            raise UsageError(problem, "add objectives, or name a baseline or another model")
        return alone[0]

    def _key(self, gate: FleetGate, comparison: Comparison) -> str:
        """Digest what a measurement depends on, but for the number of gates: see `is_strict_enough`."""
        scenario, levels = comparison.scenario, self.levels
        record = comparison.stored.requested if comparison.stored else comparison.record
        unjudged = {"budget": {"explain_s"}}
        judged = scenario.model_dump(mode="json", include={"gate", "objectives", "budget"}, exclude=unjudged)
        facts = {
            "models": {arm.value: model.digest for arm, model in comparison.models.items()},
            "record": record.id if record else None,
            "stored": comparison.baseline_name if comparison.stored else None,
            "scenario": comparison.scenario_digest,
            "judged": judged,
            "needs": [gate.cores, gate.memory_mib, sorted(gate.resources.items())],
            "levels": [levels.alpha, self.fleet.rounds],
            "software": dict(self.software),
            "settings": without_own(self.settings),
            "perfgate": __version__,
        }
        canonical = json.dumps(facts, sort_keys=True, default=str)
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def options_of(gate: FleetGate, options: Options) -> Options:
    """Return the options of a gate's run."""
    scenarios = () if gate.scenario is None else (gate.scenario,)
    return replace(
        NO_OPTIONS, scenarios=scenarios, budget=gate.budget_s, replicas=gate.replicas, policy=options.policy,
        explain=options.explain,
    )  # fmt: skip


def digests_of(opened: OpenedGate) -> dict[str, str]:
    """Return the digests of a gate's models by arm; of stored numbers, the record's."""
    comparison = opened.comparison
    if comparison is None:
        return {}
    found = {arm.value: model.digest for arm, model in comparison.models.items()}
    if comparison.record is not None:
        found[Arm.BASELINE.value] = comparison.record.model.digest
    if comparison.stored is not None:
        found = {Arm.BASELINE.value: comparison.stored.facts.model_digest, **found}
    return found


def is_of(result: Result, opened: OpenedGate) -> bool:
    """Return whether a result is of the models and the stored baseline that were opened, not of later ones."""
    digests = digests_of(opened)
    same = all(model.digest == digests.get(arm, model.digest) for arm, model in result.models.items())
    record = opened.comparison.record if opened.comparison else None
    return same and (record is None or result.record is None or result.record.record == record.place)


def is_strict_enough(result: Result, levels: Levels, round_number: int) -> bool:
    """Return whether a result of a fleet with another number of gates can be judged among those of now.

    Metrics can be judged at any level. But an objective that failed did so at the level of that time; a metric that
    failed ended the measurement, which may be too short for a stricter level; and a gate that shared its level with
    none was looked at early (perfgate.experiment.plan.looked_at_like).
    """
    if (was := result.gates) >= levels.sharing:
        return True
    if was == 1 or (judged := result.judgement) is None:
        return False
    if any(each.counts and each.verdict is Verdict.FAIL for each in judged.objectives):
        return False
    return judged.verdict is not Verdict.FAIL or fails_alone(result, levels.of_round(round_number) / levels.sharing)
