"""Which models of a fleet moved: the metrics whose intervals exclude no change, by model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf, isnan

from perfgate.fleet.answer import GateAnswer, MetricMove
from perfgate.gate.verdict import URGENCY


@dataclass(frozen=True, slots=True)
class MovedMetric:
    """One metric that moved, and under which scenario."""

    scenario_name: str
    move: MetricMove


@dataclass(frozen=True, slots=True)
class MovedModel:
    """One model of which something moved."""

    model_name: str
    worse: tuple[MovedMetric, ...]
    """What became worse, the largest change in tolerances first."""
    better: tuple[MovedMetric, ...]
    """What became better, the largest change in tolerances first."""
    since_utc: str
    """Since when, by the history: the earliest of its gates; empty if the history does not say."""

    @property
    def direction(self) -> str:
        """`worse`, `better`, or `mixed`."""
        return "mixed" if self.worse and self.better else "worse" if self.worse else "better"


def moved_models(gates: Iterable[GateAnswer]) -> tuple[MovedModel, ...]:
    """Return the models of which something moved, the furthest for the worse first."""
    by_name = sorted(gates, key=lambda gate: gate.model_name)
    grouped = groupby(by_name, key=lambda gate: gate.model_name)
    found = [_model(name, list(own)) for name, own in grouped]
    return tuple(sorted((each for each in found if each.worse or each.better), key=_place))


def _model(name: str, gates: Sequence[GateAnswer]) -> MovedModel:
    moved = [MovedMetric(gate.scenario_name, move) for gate in gates for move in gate.moved]
    worse = [each for each in moved if each.move.worse_by > 0]
    better = [each for each in moved if not each.move.worse_by > 0]
    since = [gate.since_utc for gate in gates if gate.moved and gate.since_utc]
    return MovedModel(
        name,
        tuple(sorted(worse, key=lambda each: -each.move.worse_by)),
        tuple(sorted(better, key=lambda each: _known(each.move.worse_by))),
        min(since, default=""),
    )


def _place(model: MovedModel) -> tuple[float, float, str]:
    worst = model.worse[0].move.worse_by if model.worse else 0.0
    best = model.better[0].move.worse_by if model.better else 0.0
    return -worst, _known(best), model.model_name


def moved_sentence(models: Sequence[MovedModel], gates: Iterable[GateAnswer]) -> str:
    """Return how many models moved, and where to: `3 of 50 models moved: 2 for the worse, …`."""
    count = len({gate.model_name for gate in gates})
    if not models:
        return f"No gated metric moved in {count} model{'s' * (count != 1)}."
    return f"{len(models)} of {count} model{'s' * (count != 1)} moved: {', '.join(_directions(models))}."


def _directions(models: Sequence[MovedModel]) -> Iterator[str]:
    words = {"worse": "for the worse", "better": "for the better", "mixed": "in both directions"}
    for direction, said in words.items():
        if number := sum(each.direction == direction for each in models):
            yield f"{number} {said}"


def worst(gate: GateAnswer) -> MetricMove | None:
    """Return the metric that a gate is shown by: one that fails, or else is undecided, of these the furthest.

    Of those that fail, one comes first whose whole interval is beyond the tolerance: others fail at the milder levels
    that Holm's procedure leaves them, which their intervals do not show.
    """

    def place(move: MetricMove) -> tuple[int, bool, float]:
        return URGENCY.index(move.verdict), not move.worse_lower > 1, -_known(move.worse_by)

    return min(gate.moves, key=place, default=None)


def _known(worse_by: float) -> float:
    return -inf if isnan(worse_by) else worse_by
