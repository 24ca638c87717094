"""Invented explanations whose numbers agree with each other: an added layer, equal models, and models not traced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import hypot

from perfgate.explain.explanation import (
    Attribution,
    Cause,
    ChangeKind,
    Explanation,
    Fact,
    Finding,
    GroupChange,
    Interval,
    NodeChange,
    OpChange,
    OpCount,
    Part,
    StageChange,
    StaticDifferences,
    TensorChange,
)
from perfgate.explain.names import scope_of
from perfgate.trials import Arm

HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}\u202e\x07 [red]'
MODELS = {Arm.BASELINE: "models/ranker/1", Arm.CANDIDATE: "models/ranker/2"}

_SAME, _ADDED, _REMOVED, _CHANGED = ChangeKind.SAME, ChangeKind.ADDED, ChangeKind.REMOVED, ChangeKind.CHANGED
_SCOPE = "StatefulPartitionedCall/ranker"
_ALIKE = (
    ("embedding/GatherV2", "GatherV2", 0.182),
    ("embedding/Reshape", "Reshape", 0.004),
    ("concat/ConcatV2", "ConcatV2", 0.041),
    ("tower/dense/MatMul", "MatMul", 0.412),
    ("tower/dense/BiasAdd", "BiasAdd", 0.038),
    ("tower/dense/Relu", "Relu", 0.029),
    ("tower/dense_1/MatMul", "MatMul", 0.356),
    ("tower/dense_1/BiasAdd", "BiasAdd", 0.031),
    ("tower/dense_1/Relu", "Relu", 0.024),
    ("head/Sigmoid", "Sigmoid", 0.006),
)
_DIFFERENT = (
    (_ADDED, "tower/extra/MatMul", "MatMul", (0.0, 0.168), "float32[256, 256]"),
    (_REMOVED, "tower/dense_2/_FusedMatMul", "_FusedMatMul", (0.098, 0.0)),
    (_ADDED, "tower/dense_2/MatMul", "MatMul", (0.0, 0.091)),
    (_ADDED, "tower/dense_2/BiasAdd", "BiasAdd", (0.0, 0.022)),
    (_ADDED, "tower/extra/BiasAdd", "BiasAdd", (0.0, 0.018)),
    (_CHANGED, "head/MatMul", "MatMul", (0.021, 0.034), "float32[128, 1] to float32[256, 1]"),
    (_ADDED, "tower/extra/Relu", "Relu", (0.0, 0.009)),
)
_JITTER = (0.4, -0.3, 0.2, -0.6, 0.1, 0.5, -0.2, 0.3, -0.1, 0.2)
"""Differences of equal ops, in percent."""


def extra_layer() -> Explanation:
    """Return a candidate with one more layer, which also broke a fusion."""
    ops = [*_alike(), *(_op(*each) for each in _DIFFERENT)]
    attribution = _attribution(ops, (0.492, 0.4945))
    extra, unfused, wider = 0.195, 0.015, 0.013
    return Explanation(
        models=MODELS,
        causes=(
            Cause(
                "op added",
                "Operations were added in tower/extra: +0.195 ms [+0.189, +0.201], 11.2% of an execution",
                "decide whether they are worth their time; otherwise remove them",
                (
                    "added MatMul tower/extra/MatMul: +0.168 ms [+0.163, +0.173]",
                    "added BiasAdd tower/extra/BiasAdd: +0.018 ms [+0.0175, +0.0185]",
                ),
                _near(extra),
                tuple(f"{_SCOPE}/tower/extra/{name}" for name in ("MatMul", "BiasAdd", "Relu")),
            ),
            Cause(
                "fusion lost",
                "TensorFlow no longer fuses operations in tower/dense_2.",
                "let BiasAdd and the activation follow the product directly: no identity between them",
                ("1 _FusedMatMul before, 0 now", "an Identity reads the product"),
                _near(unfused),
                tuple(f"{_SCOPE}/tower/dense_2/{name}" for name in ("MatMul", "BiasAdd")),
            ),
            Cause(
                "shape grown",
                "Operations work on larger tensors than before in head",
                "make the layer as wide as the objective allows; `perfgate run` judges the trade",
                ("twice the weights",),
                _near(wider),
                (f"{_SCOPE}/head/MatMul",),
            ),
            Cause(
                "huge constants",
                "Large constants are part of the graph: vocabulary float32[50000, 512] takes 97.7 MiB",
                "store weights in variables: constants make loading slow and take several times their size",
                (),
            ),
        ),
        attribution=attribution,
        static=_differences(),
        stages=(
            StageChange("send lag", (0.021, 0.022)),
            StageChange("queue", (0.310, 0.352)),
            StageChange("execute", attribution.execute_ms),
            StageChange("encode", (0.084, 0.083)),
        ),
        peak_tensors=(
            TensorChange("tensor", f"{_SCOPE}/tower/extra/MatMul:0", ("", "float32[256, 256]"), (0, 262_144)),
            TensorChange("variable", "embedding", ("float32[50000, 64]",) * 2, (12_800_000,) * 2),
        ),
        peak_bytes=(14_680_064, 14_942_208),
        notes=("Intervals cover replicas of one occasion.",),
    )


def equal_models() -> Explanation:
    """Return a model against its own export: nothing differs."""
    static = replace(_differences(), op_counts=(), nodes=(), node_changes=(0, 0, 0), findings=(), tensors=())
    same = tuple(replace(fact, values=(fact.values[0],) * 2) for fact in static.facts)
    attribution = _attribution(_alike(), (0.492, 0.4915))
    return Explanation(MODELS, (), attribution, replace(static, facts=same))


def not_traced() -> Explanation:
    """Return models of which one does not load: causes from the saved graphs alone."""
    causes = (
        Cause(
            "training mode",
            "Operations that only training needs run at each request: tower/dropout/RandomUniform",
            "export the model for inference: call it with training=False",
            ("0 -> 2 such operations",),
        ),
        Cause(
            "dtype widened",
            "Operations compute with a wider type than before: scale/Mul",
            "cast the inputs to float32",
            ("float32[64] to float64[64]",),
        ),
    )
    why = "the candidate does not load: Op type not registered 'DecodeWebP'"
    return Explanation(MODELS, causes, None, _differences(), not_traced=why)


def hostile() -> Explanation:
    """Return the extra layer where every text from outside tries to break out."""
    found = extra_layer()
    assert found.attribution
    assert found.static
    ops = tuple(replace(op, op=HOSTILE, name=f"{HOSTILE}/{op.name}", detail=HOSTILE) for op in found.attribution.ops)
    groups = tuple(replace(group, name=HOSTILE) for group in found.attribution.by_type)
    nodes = tuple(replace(node, op=HOSTILE, name=HOSTILE, detail=HOSTILE) for node in found.static.nodes)
    cause = Cause("op added", f"{HOSTILE} was added", HOSTILE, (HOSTILE,), _near(0.195), (HOSTILE,))
    return replace(
        found,
        models=dict.fromkeys(Arm, HOSTILE),
        causes=(cause, *found.causes),
        attribution=replace(found.attribution, ops=ops, by_type=groups, by_scope=groups),
        static=replace(found.static, nodes=nodes, facts=(Fact(HOSTILE, (HOSTILE, "")),)),
        peak_tensors=(TensorChange("tensor", HOSTILE, ("", HOSTILE), (0, 4)),),
        notes=(HOSTILE,),
    )


SAMPLES: dict[str, Callable[[], Explanation]] = {
    "extra_layer": extra_layer,
    "equal_models": equal_models,
    "not_traced": not_traced,
    "hostile": hostile,
}
"""Every sample by name."""


def _near(change_ms: float, share: float = 0.03) -> Interval:
    half = max(abs(change_ms) * share, 0.0004)
    return Interval(change_ms, change_ms - half, change_ms + half)


def _alike() -> list[OpChange]:
    pairs = zip(_ALIKE, _JITTER, strict=True)
    return [_op(_SAME, name, op, (ms, ms * (1 + percent / 100))) for (name, op, ms), percent in pairs]


def _op(kind: ChangeKind, name: str, op: str, times_ms: tuple[float, float], detail: str = "") -> OpChange:
    before_ms, after_ms = times_ms
    whole = f"{_SCOPE}/{name}"
    change_ms, half = after_ms - before_ms, 0.004
    if kind is not _SAME:
        half = 0.03 * abs(change_ms)
    return OpChange(
        kind=kind,
        op=op,
        name=whole,
        baseline_name="" if kind is _ADDED else whole,
        calls=(float(before_ms > 0), float(after_ms > 0)),
        times_ms=times_ms,
        change_ms=Interval(change_ms, change_ms - half, change_ms + half),
        significant=kind is not _SAME,
        detail=detail,
    )


def _sum(changes: Iterable[Interval]) -> Interval:
    """Add changes as if they were independent."""
    every = list(changes)
    estimate, half = sum(each.estimate for each in every), hypot(*((each.high - each.low) / 2 for each in every))
    return Interval(estimate, estimate - half, estimate + half)


def _attribution(ops: list[OpChange], outside_ms: tuple[float, float]) -> Attribution:
    parts = [(kind.value, _sum(op.change_ms for op in ops if op.kind is kind)) for kind in ChangeKind]
    rest = outside_ms[1] - outside_ms[0]
    parts.append(("rest", Interval(rest, rest - 0.006, rest + 0.006)))
    execute_ms = tuple(sum(op.times_ms[arm] for op in ops) + outside_ms[arm] for arm in (0, 1))
    return Attribution(
        execute_ms=(execute_ms[0], execute_ms[1]),
        change_ms=_sum(change for _, change in parts),
        parts=tuple(Part(name, change) for name, change in parts),
        ops=tuple(sorted(ops, key=lambda op: -abs(op.change_ms.estimate))),
        op_count=(sum(op.times_ms[0] > 0 for op in ops), sum(op.times_ms[1] > 0 for op in ops)),
        op_calls=(sum(op.calls[0] for op in ops), sum(op.calls[1] for op in ops)),
        by_type=_groups(ops, [op.op for op in ops]),
        by_scope=_groups(ops, [scope_of(op.name) for op in ops]),
        tracing_overhead=Interval(0.021, 0.008, 0.034),
        executions=720,
        replicas=6,
        seconds=3.1,
        confidence=0.95,
    )


def _groups(ops: list[OpChange], names: list[str]) -> tuple[GroupChange, ...]:
    members = {name: [op for op, its in zip(ops, names, strict=True) if its == name] for name in names}
    groups = [
        GroupChange(
            name,
            (sum(op.times_ms[0] for op in mine), sum(op.times_ms[1] for op in mine)),
            _sum(op.change_ms for op in mine),
        )
        for name, mine in members.items()
    ]
    return tuple(sorted(groups, key=lambda group: -abs(group.change_ms.estimate)))


def _differences() -> StaticDifferences:
    return StaticDifferences(
        facts=(
            Fact("size", ("12.9 MiB", "13.2 MiB")),
            Fact("nodes", ("214", "226")),
            Fact("TensorFlow", ("2.21.0", "2.21.0")),
        ),
        op_counts=(
            OpCount("MatMul", (4, 5), (2.1e6, 2.8e6), (1_310_720.0, 1_572_864.0)),
            OpCount("BiasAdd", (4, 5), (0.0, 0.0), (8_192.0, 9_216.0)),
        ),
        nodes=(
            NodeChange(_ADDED, "MatMul", "ranker/tower/extra/MatMul"),
            NodeChange(_CHANGED, "MatMul", "ranker/head/MatMul", "float32[128, 1] to float32[256, 1]"),
        ),
        node_changes=(11, 0, 1),
        tensors=(
            TensorChange("variable", "tower/extra/kernel", ("", "float32[256, 256]"), (0, 262_144)),
            TensorChange("variable", "embedding", ("float32[50000, 64]",) * 2, (12_800_000,) * 2),
        ),
        findings=(Finding("string ops", (0, 2), "ranker/lookup/LookupTableFindV2"),),
    )
