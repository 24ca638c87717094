"""Causes outside of the graph's differences: memory, starts, settings, waiting, and graphs that are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from perfgate.explain.attribution import REST
from perfgate.explain.cause_table import BY_CODE
from perfgate.explain.evidence import Evidence
from perfgate.explain.explanation import Attribution, Cause, ChangeKind, Interval, OpChange
from perfgate.explain.names import shown_name
from perfgate.explain.replicas import differences, per_replica
from perfgate.formatting import difference, difference_interval, number, share, with_unit
from perfgate.trials import Arm

Weighted = tuple[Cause, float]
"""A cause, and its size as a share of what it is about: the execution, the memory, or the cold start."""

_LEAST_MEMORY_SHARE, _LEAST_MEMORY_MIB = 0.05, 8.0
_WARM_UP = "warm-up requests"
_LEAST_FIRST_RATIO, _LEAST_FIRST_MS = 2.0, 50.0
_LAYOUT_SHARE = 0.007
"""What layout in memory explains between two exports of one model, as a share of the execution time: 0.3 to 0.7%
(docs/explanation/method.md).
"""
_LEAST_WAITING_SHARE = 0.02
_DENORMAL_FACTOR = 3.0
_HUGE_BYTES = 64 << 20
_CERTAIN = 1e3
"""Weight of what is known without measuring, and explains everything else."""
_ARITHMETIC = ("MatMul", "_FusedMatMul", "BatchMatMul", "Conv", "_FusedConv", "Mul", "Add", "Einsum", "Exp", "Tanh")


def other_causes(evidence: Evidence, attribution: Attribution | None) -> tuple[Weighted, ...]:
    """Return the causes that are found, each with its weight."""
    finders: tuple[Callable[[Evidence], Iterator[Weighted]], ...] = (
        _python, _settings, _threads, _memory, _first_request, _constants, _unbatched, _padding, _growth,
    )  # fmt: skip
    found = [each for finder in finders for each in finder(evidence)]
    served_alike = not list(_settings(evidence))  # other settings change every operation
    if attribution is not None and evidence.traced is not None and served_alike:
        found += [*_waiting(evidence, attribution), *_same(attribution)]
    return tuple(found)


def made(code: str, details: str, *evidence: str, change: Interval | None = None, ops: Sequence[str] = ()) -> Cause:
    """Make a cause of the table, with numbers in its sentence."""
    kind = BY_CODE[code]
    sentence = kind.meaning[:-1] + (f": {details}" if details else "")
    return Cause(code, sentence, kind.remedy, evidence, change, tuple(ops))


def _finding(evidence: Evidence, code: str) -> tuple[int, int, str]:
    findings = evidence.static.findings if evidence.static else ()
    return next(((*each.nodes, each.example) for each in findings if each.code == code), (0, 0, ""))


def _python(evidence: Evidence) -> Iterator[Weighted]:
    old, new, example = _finding(evidence, "python function")
    if new > old:
        yield (
            made("python function", shown_name(example), evidence.problem or f"{old} -> {new} such operations"),
            2 * _CERTAIN,
        )


def _settings(evidence: Evidence) -> Iterator[Weighted]:
    if len(evidence.settings) < len(Arm):
        return
    old, new = evidence.settings[Arm.BASELINE], evidence.settings[Arm.CANDIDATE]
    if differ := [f"{name} {old[name]} -> {new[name]}" for name in old if old[name] != new.get(name)]:
        yield made("server settings", "; ".join(differ)), _CERTAIN


def _threads(evidence: Evidence) -> Iterator[Weighted]:
    traced, settings = evidence.traced, evidence.settings.get(Arm.CANDIDATE, {})
    threads = [int(str(settings.get(name, 1))) for name in ("intra_op_threads", "inter_op_threads")]
    if traced is None or not evidence.cpus or max(threads) <= evidence.cpus:
        return
    found = differences(*per_replica(np.stack([traced.cpu_ms, traced.own_ms], axis=1), traced))
    spent = found.interval(0)
    if spent.low > 0 and spent.estimate > max(found.estimate[1], 0):
        words = f"{max(threads)} threads on {evidence.cpus} CPUs, CPU time {difference(spent.estimate, 'ms')} a request"
        yield made("too many threads", words, _bounds("CPU time", spent, "ms")), spent.estimate / found.means[0, 1]


def _memory(evidence: Evidence) -> Iterator[Weighted]:
    sides = [np.array([[memory.uss_mb] for arm, memory in evidence.memory if arm is side]) for side in Arm]
    if any(len(side) < 2 or not np.isfinite(side).all() for side in sides):
        return
    found = differences(*sides)
    grown, before = found.interval(0), float(found.means[0, 0])
    if grown.low <= max(_LEAST_MEMORY_MIB, _LEAST_MEMORY_SHARE * before):
        return
    words = f"{with_unit(before, 'MiB')} -> {with_unit(before + grown.estimate, 'MiB')}, each server's own"
    larger = [each for each in (evidence.static.tensors if evidence.static else ()) if _bytes_more(each.size_bytes) > 0]
    tensors = [
        f"{each.kind} {each.name}: {each.shapes[0] or 'none'} -> {each.shapes[1]}, "
        f"{difference(_bytes_more(each.size_bytes) / 2**20, 'MiB')}"
        for each in larger[:3]
    ]
    yield made("memory grown", words, _bounds("private memory", grown, "MiB"), *tensors), grown.estimate / before


def _bytes_more(sizes: tuple[int, int]) -> int:
    return sizes[1] - sizes[0]


def _first_request(evidence: Evidence) -> Iterator[Weighted]:
    sides = [np.array([[each.first_request_ms] for each in evidence.replicas if each.arm is side]) for side in Arm]
    if any(len(side) < 2 for side in sides):
        return
    before, after = (float(np.median(side)) for side in sides)
    slowest_before, fastest_after = float(sides[0].max()), float(sides[1].min())
    if after < _LEAST_FIRST_RATIO * before or after - before < _LEAST_FIRST_MS or fastest_after < slowest_before:
        return
    old, new, example = _finding(evidence, "compiled by XLA")
    compiled = [f"compiled by XLA at the first request of each shape: {shown_name(example)}"] if new > old else []
    asset = next((fact for fact in (evidence.static.facts if evidence.static else ()) if fact.name == _WARM_UP), None)
    compiled += [f"warm-up requests in the model: {asset.values[0]} -> {asset.values[1]}"] if asset else []
    each = f"slowest of the baseline {with_unit(slowest_before, 'ms')}, fastest of the candidate "
    words = f"{with_unit(before, 'ms')} -> {with_unit(after, 'ms')}"
    found = made("first request slow", words, *compiled, each + with_unit(fastest_after, "ms"))
    cold_ms = float(np.median([each.cold_start_s for each in evidence.replicas if each.arm is Arm.BASELINE])) * 1e3
    yield found, (after - before) / max(cold_ms, before)


def _constants(evidence: Evidence) -> Iterator[Weighted]:
    for each in evidence.static.tensors if evidence.static else ():
        if each.kind == "constant" and each.size_bytes[1] >= _HUGE_BYTES > each.size_bytes[0]:
            size = with_unit(each.size_bytes[1] / 2**20, "MiB")
            yield made("huge constants", f"{each.name} {each.shapes[1]} takes {size}"), 0.0


def _unbatched(evidence: Evidence) -> Iterator[Weighted]:
    for fact in evidence.static.facts if evidence.static else ():
        old, new = (value.partition("[")[2] for value in fact.values)
        if fact.name.startswith("input ") and old.startswith("?") and new[:1].isdigit():
            yield made("not batched", f"{fact.name} {fact.values[0]} -> {fact.values[1]}"), _LEAST_WAITING_SHARE


def _padding(evidence: Evidence) -> Iterator[Weighted]:
    if (padding := evidence.padding_share) and padding[1] > padding[0] + _LEAST_WAITING_SHARE:
        yield made("padding waste", f"{share(padding[0])} -> {share(padding[1])} of the rows"), padding[1] - padding[0]


def _growth(evidence: Evidence) -> Iterator[Weighted]:
    if growth := evidence.growth_mb_per_1k:
        unit = "MiB/1k requests"
        words = f"{number(growth[0])} -> {with_unit(growth[1], unit)}"
        yield made("memory growth", words), _LEAST_MEMORY_SHARE


def _waiting(evidence: Evidence, attribution: Attribution) -> Iterator[Weighted]:
    traced = evidence.traced
    if traced is None:
        return
    waits = np.maximum(traced.own_ms - traced.cpu_ms, 0.0)
    found = differences(*per_replica(waits[:, None], traced)).interval(0)
    before = attribution.execute_ms[0]
    if found.low > _LEAST_WAITING_SHARE * before and attribution.change_ms.low > 0:
        yield made("waiting", "more of the execution is not CPU time", change=found), found.estimate / before


def _same(attribution: Attribution) -> Iterator[Weighted]:
    """Find operations of both versions that are slower, if the graphs do not explain it.

    What the whole execution without tracing leaves no room for, beside all other operations, is of the tracing.
    """
    before, most_ms = attribution.execute_ms[0], attribution.change_ms.high
    all_ms = sum(each.change_ms.estimate for each in attribution.parts if each.name != REST)

    def has_room(change: Interval) -> bool:
        return change.low <= most_ms - (all_ms - change.estimate)

    part = next(each.change_ms for each in attribution.parts if each.name == ChangeKind.SAME)
    same = [op for op in attribution.ops if op.kind is ChangeKind.SAME and op.significant]
    slower = [op for op in same if op.change_ms.low > 0 and has_room(op.change_ms)]
    many = [op for op in slower if op.times_ms[1] > _DENORMAL_FACTOR * op.times_ms[0] and op.op.startswith(_ARITHMETIC)]
    if many:
        change = many[0].change_ms
        yield made("denormals", _op(many[0]), *map(_op, many[1:3]), change=change), change.estimate / before
    elif part.low > _LAYOUT_SHARE * before and has_room(part):
        words = [_op(op) for op in slower[:3]]
        yield made("same graph", "", *words, change=part, ops=[op.name for op in slower]), part.estimate / before
    elif slower:
        alone = slower[0].change_ms if len(slower) == 1 else None
        weight = sum(op.change_ms.estimate for op in slower) / before
        words = [_op(op) for op in slower[:3]]
        yield made("same graph", "", *words, change=alone, ops=[op.name for op in slower]), weight


def _op(change: OpChange) -> str:
    before, after = (with_unit(each, "ms") for each in change.times_ms)
    return f"{change.op} {shown_name(change.name)}: {before} -> {after}"


def _bounds(name: str, found: Interval, unit: str) -> str:
    return f"{name} {difference(found.estimate, unit)} {difference_interval(found.low, found.high, unit)}"
