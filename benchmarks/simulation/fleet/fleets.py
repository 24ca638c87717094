"""One simulated fleet: every gate is looked at like a real one, in one round or two, and all are judged together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perfgate.experiment.plan import ENOUGH_FOR_EARLY_LOOKS, FIRST_LOOK, looked_at_like
from perfgate.fleet.judging import Levels, verdicts
from perfgate.fleet.schema import Correction, Family
from perfgate.gate.judge import judge
from perfgate.gate.stopping import InterimAnalysis
from perfgate.gate.verdict import Verdict
from perfgate.metrics import METRICS, Source
from perfgate.results.result import Result
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.stats.table import TrialTable
from tests.fleet.results import BARE
from tests.stats.generator import World, columns, design, facts, logs

LOOKS = 8
_METRICS = ("execute_ms", "cpu_ms_per_request")
"""Two metrics of the same executions, as correlated as they are in real runs."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of fleet is judged."""

    gates: int = 50
    rounds: int = 2
    correction: Correction = Correction.HOLM
    family: Family = Family.FLEET
    alpha: float = 0.01

    @property
    def levels(self) -> Levels:
        """The levels of its gates."""
        return Levels(self.alpha, self.family, self.correction, self.rounds, self.gates)


def simulate(world: World, effects: tuple[float, ...], kind: Kind, seed: tuple[int, ...]) -> tuple[Verdict, ...]:
    """Make a fleet whose gates change by `effects`, and return their verdicts.

    An undecided gate is measured again for twice as long, on servers of their own.
    """
    rng, rounds = np.random.default_rng(seed), dict[str, dict[int, Result]]()
    for place, effect in enumerate(effects):
        found = {1: _measured(world, effect, kind.levels, 1, rng)}
        judged = found[1].judgement
        if kind.rounds > 1 and judged and judged.verdict is Verdict.INCONCLUSIVE:
            longer = replace(world, blocks=2 * world.blocks)
            found[2] = _measured(longer, effect, kind.levels, 2, rng)
        rounds[str(place)] = found
    judged_together = verdicts(rounds, kind.levels)
    return tuple(judged_together[str(place)].verdict for place in range(len(effects)))


def _measured(world: World, effect: float, levels: Levels, number: int, rng: np.random.Generator) -> Result:
    others = dict.fromkeys((each.name for each in METRICS if each.gated), MetricGate(gate=False))
    gate = Gate(
        alpha=levels.of_round(number),
        gates=levels.sharing,
        metrics={**others, **dict.fromkeys(_METRICS, MetricGate(catch=0.05))},
    )
    times, candidate, known = logs(world, effect, rng), design(world)[0], facts(world)
    cpu = times + 0.3 * world.request_sd * rng.normal(size=times.shape)

    def table(blocks: int) -> TrialTable:
        made = columns(times[:blocks], candidate)
        return TrialTable(replace(made, cpu_ms=np.exp(cpu[:blocks]).ravel()), known)

    looking = InterimAnalysis(gate, {}, (Source.EXECUTE,))
    early = looked_at_like(world.replicas, levels.sharing) >= ENOUGH_FOR_EARLY_LOOKS
    first = 0.0 if early else FIRST_LOOK
    blocks = world.blocks
    for look in range(1, LOOKS + 1):
        if look / LOOKS < first:
            continue
        blocks = world.blocks * look // LOOKS
        found = looking.look(Source.EXECUTE, look / LOOKS, float(look), table(blocks))
        if looking.settled(Source.EXECUTE, found):
            break
    return replace(BARE, judgement=judge(table(blocks), gate, {}, looking.taken), looks=looking.taken)
