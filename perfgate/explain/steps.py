"""Times of operations in one traced execution (`RunMetadata.step_stats`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perfgate.model import messages
from perfgate.model.kernels import written_op

Floats = NDArray[np.float64]

_CALLING = {"PartitionedCall", "StatefulPartitionedCall", "While", "StatelessWhile", "If", "StatelessIf", "Case"}
"""Operations that contain others: what runs inside is timed by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """What one execution ran; arrays with one element a call, in order of start."""

    names: tuple[str, ...]
    ops: tuple[str, ...]
    own_ms: Floats
    """Time of the call itself: an instant that several calls share is divided among them."""
    start_us: Floats
    """Since the first call began."""
    length_us: Floats
    threads: NDArray[np.int64]


def read_steps(run_metadata: bytes) -> Steps:
    """Read a traced execution; nodes without a duration, such as those that only order others, have 0."""
    found = messages.RunMetadata.FromString(run_metadata).step_stats
    stats = [node for device in found.dev_stats for node in device.node_stats]
    stats.sort(key=lambda node: node.all_start_nanos + node.op_start_rel_nanos)
    ops = tuple(_op(node.timeline_label) for node in stats)
    start_ns = np.array([node.all_start_nanos + node.op_start_rel_nanos for node in stats], np.int64)
    length_ns = np.array([max(0, node.op_end_rel_nanos - node.op_start_rel_nanos) for node in stats], np.int64)
    since_ns = start_ns - start_ns[:1].sum()
    return Steps(
        names=tuple(node.node_name for node in stats),
        ops=ops,
        own_ms=own_times_ms(since_ns, length_ns, [op in _CALLING for op in ops]),
        start_us=since_ns / 1e3,
        length_us=length_ns / 1e3,
        threads=np.array([node.thread_id for node in stats], np.int64),
    )


def _op(label: str) -> str:
    """Return the operation's type from a label such as `[cpu 0.2MB] name = MatMul(a, b)`."""
    return written_op(label.partition(" = ")[2].partition("(")[0])


def own_times_ms(start_ns: NDArray[np.int64], length_ns: NDArray[np.int64], calling: Sequence[bool]) -> Floats:
    """Divide each instant among the calls that run at it; those that contain others get what these leave.

    The sum is the length of the union of all intervals, so the times add up whether or not calls overlap.
    """
    outer = np.array(calling, np.bool_)
    end_ns = start_ns + length_ns
    instants = np.unique(np.concatenate([start_ns, end_ns]))
    spans = np.diff(instants, append=instants[-1:]).astype(np.float64)
    inner, outside = (_running(instants, start_ns[kind], end_ns[kind]) for kind in (~outer, outer))
    own = np.zeros(start_ns.size)
    for kind, running, shared in ((~outer, inner, inner > 0), (outer, outside, inner == 0)):
        each = np.divide(spans, running, out=np.zeros_like(spans), where=shared & (running > 0))
        until = np.concatenate([[0.0], np.cumsum(each)])  # share of one call from the first instant to each instant
        own[kind] = until[np.searchsorted(instants, end_ns[kind])] - until[np.searchsorted(instants, start_ns[kind])]
    return own / 1e6


def _running(instants: NDArray[np.int64], start_ns: NDArray[np.int64], end_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the calls that run from each instant to the next."""
    begun = np.searchsorted(np.sort(start_ns), instants, side="right")
    return np.asarray(begun - np.searchsorted(np.sort(end_ns), instants, side="right"), np.int64)
