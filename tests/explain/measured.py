"""Traced executions of invented models: graphs node by node, with a time for each call, without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perfgate.experiment.tracing import ExecutedGraph, TracedVisit
from perfgate.explain.evidence import Evidence
from perfgate.explain.plumbing import PLUMBING
from perfgate.explain.tensors import read_tensors
from perfgate.explain.traces import Trace, Traced, compare_graphs
from perfgate.model.dtypes import BY_NAME
from perfgate.model.messages import RunMetadata
from perfgate.serving.interface import TracedGraph
from perfgate.trials import Arm
from tests.explain.graphs import Spec, spec, write

USUAL_MS = 0.1
"""Time of a call of everything that computes."""
OUTSIDE_MS = 0.3
"""Time of an execution outside of its operations."""
TRACING = 1.04
"""A traced execution takes 4% longer."""


@dataclass(frozen=True)
class Ran:
    """A call in a trace."""

    name: str
    op: str
    start_ns: int
    length_ns: int
    thread: int = 1
    output: tuple[str, tuple[int, ...]] | None = None
    """Type and shape of the first output."""
    allocations: tuple[tuple[int, int], ...] = ()
    """Instant in microseconds, and bytes: negative where they are freed."""


def run_metadata(calls: Sequence[Ran], specs: Sequence[Spec] = ()) -> bytes:
    """Write what TensorFlow returns of a traced execution; the device that ran half of the calls is another one."""
    found = RunMetadata()
    devices = [found.step_stats.dev_stats.add(device=f"/device:CPU:{number}") for number in range(2)]
    for number, call in enumerate(calls):
        _call(devices[number % 2].node_stats.add(), call)
    if specs:
        write(found.partition_graphs.add().node, specs)
    return bytes(found.SerializeToString())


def _call(node: Any, call: Ran) -> None:
    node.node_name, node.timeline_label = call.name, f"[cpu 0.1MB] {call.name} = {call.op}(a, b)"
    node.all_start_nanos, node.thread_id = 1_700_000_000_000_000_000 + call.start_ns - 7, call.thread
    node.op_start_rel_nanos, node.op_end_rel_nanos = 7, 7 + call.length_ns
    if call.output is not None:
        description = node.output.add().tensor_description
        description.dtype = BY_NAME[call.output[0]].number
        for size in call.output[1]:
            description.shape.dim.add(size=size)
    if call.allocations:
        used = node.memory.add()
        for instant, size in call.allocations:
            used.allocation_records.add(alloc_micros=instant, alloc_bytes=size)


@dataclass(frozen=True)
class Version:
    """A model as executed: one input `x` and one output, which are added here."""

    specs: Sequence[Spec]
    ms: Mapping[str, float] = field(default_factory=dict)
    """Time of each call by the operation's name, where it is not the usual one."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """Calls a request where it is not one."""

    @property
    def nodes(self) -> tuple[Spec, ...]:
        return spec("x", "_Arg", T="float32", index=0), *self.specs, spec("y", "_Retval", "out", T="float32", index=0)

    def execution(self, factor: float = 1.0) -> list[Ran]:
        """Run each operation after the other; those that only bring something take no time."""
        ran: list[Ran] = []
        now_ns = 0
        for each in self.specs:
            length_ns = int(1e6 * factor * self.ms.get(each.name, 0.0 if each.op in PLUMBING else USUAL_MS))
            dtype = each.attributes.get("T", each.attributes.get("dtype", "float32"))
            for _ in range(self.calls.get(each.name, 1)):
                ran.append(Ran(each.name, each.op, now_ns, length_ns, output=(dtype, each.shape or ())))
                now_ns += length_ns
        return ran

    def whole_ms(self) -> float:
        return sum(call.length_ns for call in self.execution()) / 1e6

    def executed(self) -> ExecutedGraph:
        return ExecutedGraph(TracedGraph(("x",), ("y",), (0, 1), 0), run_metadata(self.execution(), self.nodes))


@dataclass(frozen=True)
class Design:
    """How the executions vary."""

    replicas: int = 5
    rounds: int = 8
    requests: int = 2
    noise: float = 0.004
    """Of each execution; replicas vary half as much."""
    seed: int = 1


USUAL = Design()


def traced(old: Version, new: Version, design: Design = USUAL) -> Traced:
    """Trace both versions in a few replicas."""
    rng = np.random.default_rng(design.seed)
    found = Trace(compare_graphs({Arm.BASELINE: old.executed(), Arm.CANDIDATE: new.executed()}))
    own = np.exp(rng.normal(0, design.noise / 2, 2 * design.replicas))
    for number in range(design.rounds):
        for replica in rng.permutation(2 * design.replicas).tolist():
            arm = Arm.CANDIDATE if replica % 2 else Arm.BASELINE
            version = new if replica % 2 else old
            factor = float(own[replica] * np.exp(rng.normal(0, design.noise)))
            own_ms = version.whole_ms() * factor + OUTSIDE_MS
            made = run_metadata(version.execution(factor))
            request = number % design.requests
            found.add(TracedVisit(arm, replica, request, float(number), own_ms, own_ms, TRACING * own_ms, made))
    return found.table()


def evidence(old: Version, new: Version, design: Design = USUAL, **more: Any) -> Evidence:
    """Return all that tracing shows of two versions."""
    tensors = {arm: read_tensors(each.executed().run_metadata) for arm, each in zip(Arm, (old, new), strict=True)}
    return Evidence({arm: arm.value for arm in Arm}, traced=traced(old, new, design), tensors=tensors, **more)
