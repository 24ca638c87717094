"""What differs between two SavedModels on disk, without running them and without TensorFlow."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from perfgate.errors import InvalidRunError, UsageError
from perfgate.explain.explanation import OpCount, StaticDifferences
from perfgate.explain.facts import facts_of, paired
from perfgate.explain.findings import findings_of
from perfgate.explain.matching import match
from perfgate.explain.nodes import node_changes
from perfgate.explain.plumbing import PLUMBING
from perfgate.explain.weights import tensors_of
from perfgate.explain.work import Work, work_of
from perfgate.model.graph import Graph, signature_graph
from perfgate.model.interface import Model
from perfgate.model.saved_model import meta_graph


@dataclass(frozen=True, slots=True)
class _Read:
    facts: dict[str, str]
    graph: Graph | None
    """None: the model has no such signature."""


def static_differences(old: Model, new: Model, signature: str) -> StaticDifferences:
    """Compare what a signature runs in two models on disk; without it in one of them, only their properties.

    UsageError if a file cannot be read, InvalidRunError if a graph is damaged.
    """
    with _no_collections():
        return _differences(_read(old, signature), _read(new, signature))


@contextmanager
def _no_collections() -> Iterator[None]:
    """Pause the garbage collector: of a large graph it looks at everything again and again, a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _differences(left: _Read, right: _Read) -> StaticDifferences:
    facts = paired(left.facts, right.facts)
    if left.graph is None or right.graph is None:
        return StaticDifferences(facts, (), (), (0, 0, 0), (), ())
    graphs = left.graph, right.graph
    works = work_of(left.graph), work_of(right.graph)
    matching = match(*graphs)
    return StaticDifferences(
        facts=facts,
        op_counts=_op_counts(graphs, works),
        nodes=node_changes(graphs, works, matching),
        node_changes=(len(matching.added), len(matching.removed), len(matching.changed)),
        tensors=tensors_of(*graphs, matching),
        findings=findings_of(*graphs),
    )


def _read(model: Model, signature: str) -> _Read:
    """Read a model, of which only these texts and numbers stay in memory."""
    meta = meta_graph(model)
    try:
        facts = facts_of(model, meta, signature)
        known = signature in meta.signature_def
        graph = signature_graph(meta.graph_def, meta.signature_def[signature]) if known else None
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}", "check its permissions") from error
    except InvalidRunError as error:
        raise InvalidRunError(f"{model.given}: {error.problem}", error.remedy) from error
    ran = {"nodes that the signature runs": f"{len(graph.nodes):,}"} if graph is not None else {}
    return _Read({**facts, **ran}, graph)


def _op_counts(graphs: tuple[Graph, Graph], works: tuple[Sequence[Work], Sequence[Work]]) -> tuple[OpCount, ...]:
    old, new = (_totals(graph, work) for graph, work in zip(graphs, works, strict=True))
    differing = [op for op in sorted({*old, *new}) if old.get(op) != new.get(op)]
    return tuple(sorted((_op_count(op, old.get(op, _NONE), new.get(op, _NONE)) for op in differing), key=_by_size))


@dataclass(frozen=True, slots=True)
class _Total:
    count: int
    work: Work


_NONE = _Total(0, Work(0, 0))


def _totals(graph: Graph, works: Sequence[Work]) -> dict[str, _Total]:
    totals: dict[str, _Total] = {}
    for node, work in zip(graph.nodes, works, strict=True):
        before = totals.get(node.op, _NONE)
        totals[node.op] = _Total(before.count + 1, before.work + work)
    return totals


def _op_count(op: str, old: _Total, new: _Total) -> OpCount:
    return OpCount(
        op=op,
        count=(old.count, new.count),
        flops=(old.work.flops, new.work.flops),
        moved_bytes=(old.work.moved_bytes, new.work.moved_bytes),
    )


def _by_size(found: OpCount) -> tuple[bool, float, float, float]:
    """Order by the difference in work, then in number; what only brings something comes last."""
    flops, moved, count = (abs(old - new) for old, new in (found.flops, found.moved_bytes, found.count))
    return found.op in PLUMBING, -flops, -moved, -count
