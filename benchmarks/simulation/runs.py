"""One simulated run, looked at like a real one, and also judged only once at its end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulation.worlds import ONE_REQUEST, Requests
from perfgate.experiment.plan import ENOUGH_FOR_EARLY_LOOKS, FIRST_LOOK
from perfgate.gate.decide import decide
from perfgate.gate.judge import cases_of
from perfgate.gate.stopping import InterimAnalysis
from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.metrics import BY_NAME, METRICS, Source
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.scenario.severity import Severity
from perfgate.stats.table import TrialTable
from tests.stats.generator import Floats, World, columns, design, facts, logs


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one run."""

    sequential: Verdict
    once: Verdict
    """In a single look at the end."""
    in_time: Verdict
    """Without ending lanes for futility."""
    fraction: float
    """Share of the time used when the looks ended."""
    covered: bool
    """Whether the 95 % interval at the end of the looks contains the truth."""
    covered_at_end: bool
    bounds_hold: bool
    """Whether the deciding bounds at the end of the looks contain the truth."""


def simulate(  # noqa: PLR0913, PLR0917 - the parts of a run
    world: World,
    effect: float,
    catch: float,
    seed: tuple[int, ...],
    looks: int = 8,
    requests: Requests = ONE_REQUEST,
) -> Outcome:
    """Make one run in which all requests change by `effect`, and judge it, with that many looks and with one."""
    gate, true = _gate_on(requests.metric, catch), requests.truth(effect)
    times, payload = _measured(world, effect, requests, np.random.default_rng(seed))
    candidate, known = design(world)[0], facts(world)
    shares = (1 / len(requests.cost),) * len(requests.cost)

    def table(blocks: int) -> TrialTable:
        made = columns(times[:blocks], candidate, payload=payload[:blocks])
        return TrialTable(replace(made, cpu_ms=made.service_ms), known, shares=shares)

    looking, ended = InterimAnalysis(gate, {}, (Source.EXECUTE,)), 0
    first = 0.0 if world.replicas >= ENOUGH_FOR_EARLY_LOOKS else FIRST_LOOK
    for number in range(1, looks + 1):
        if number / looks < first:
            continue
        seen = table(world.blocks * number // looks)
        (last,) = looking.look(Source.EXECUTE, number / looks, 1.0 * number, seen)
        if not ended and (number == looks or looking.settled(Source.EXECUTE, (last,))):
            found, ended = last, number
        if ended and last.verdict is not Verdict.INCONCLUSIVE:
            break
    end = _once(requests.metric, table(world.blocks), gate)
    return Outcome(
        sequential=found.verdict,
        once=end.verdict,
        in_time=last.verdict,
        fraction=ended / looks,
        covered=found.effect.ci95_lower <= true <= found.effect.ci95_upper,
        covered_at_end=end.effect.ci95_lower <= true <= end.effect.ci95_upper,
        bounds_hold=found.effect.lower <= true <= found.effect.upper,
    )


def _gate_on(metric: str, catch: float) -> Gate:
    others = dict.fromkeys((each.name for each in METRICS if each.gated), MetricGate(gate=False))
    return Gate(metrics={**others, metric: MetricGate(catch=catch)})


def _measured(
    world: World, effect: float, requests: Requests, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """Draw log times, blocks x replicas, and each block's payload: all of them in turn, in random order."""
    candidate, count = design(world)[0], len(requests.cost)
    times = logs(world, effect, rng)
    payload = np.concatenate([rng.permutation(count) for _ in range(-(-world.blocks // count))])[: world.blocks]
    struck = rng.random(times.shape) < requests.struck_share
    times += np.log(requests.cost)[payload][:, None]
    times += (np.log(requests.hit)[payload][:, None] + np.log(requests.struck_times) * struck) * candidate
    return times, payload


def _once(metric: str, table: TrialTable, gate: Gate) -> MetricVerdict:
    (case,) = cases_of([BY_NAME[metric]], table, gate, (), cross_check=False)
    return decide([replace(case, severity=Severity.ERROR)], gate.alpha)[0]
