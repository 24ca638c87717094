"""From evidence to an explanation."""

from __future__ import annotations

from perfgate.explain.attribution import attribute
from perfgate.explain.evidence import Evidence
from perfgate.explain.explanation import Attribution, Explanation
from perfgate.explain.graph_causes import graph_causes
from perfgate.explain.other_causes import Weighted, other_causes
from perfgate.explain.tensors import peak_changes
from perfgate.trials import Arm


def explain(evidence: Evidence) -> Explanation:
    """Attribute the change, find its causes, and put the weightiest first: what makes it slower before what saves."""
    traced, tensors = evidence.traced, evidence.tensors
    attribution = attribute(traced, evidence.seconds) if traced is not None else None
    causes = [*_in_graph(evidence, attribution), *other_causes(evidence, attribution)]
    known = traced is not None and len(tensors) == len(Arm)
    return Explanation(
        models=dict(evidence.models),
        causes=tuple(cause for cause, _ in sorted(_once(causes), key=lambda each: -each[1])),
        attribution=attribution,
        static=evidence.static,
        stages=evidence.stages,
        peak_tensors=peak_changes(traced.compared, tensors) if traced is not None and known else (),
        peak_bytes=(tensors[Arm.BASELINE].peak_bytes, tensors[Arm.CANDIDATE].peak_bytes) if known else (0, 0),
        not_traced=evidence.problem,
        notes=evidence.notes,
    )


def _in_graph(evidence: Evidence, attribution: Attribution | None) -> tuple[Weighted, ...]:
    if attribution is None or evidence.traced is None:
        return ()
    return graph_causes(evidence.traced, evidence.tensors, attribution.execute_ms[0])


def _once(causes: list[Weighted]) -> list[Weighted]:
    """Keep the weightiest of each code, slower or faster; one that could be 0 weighs nothing.

    A function that is compiled is found in the graph and at the first request.
    """
    best: dict[str, Weighted] = {}
    for cause, weight in causes:
        if cause.code not in best or abs(weight) > abs(best[cause.code][1]):
            best[cause.code] = (cause, weight)
    return list(best.values())
