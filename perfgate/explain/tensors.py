"""Tensors of one execution: types and sizes of outputs, and what is alive when memory is at its peak."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from perfgate.explain.explanation import TensorChange
from perfgate.explain.traces import Compared
from perfgate.model import messages
from perfgate.model.attributes import shape_text
from perfgate.model.dtypes import name_of
from perfgate.trials import Arm

_MOST = 20


@dataclass(frozen=True, slots=True)
class Output:
    """The first output of an operation, as executed."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}{shape_text(self.shape)}"


@dataclass(frozen=True, slots=True)
class Tensors:
    """What one execution allocated."""

    outputs: Mapping[str, Output]
    """By the operation's name."""
    peak_bytes: int
    """Most memory of tensors at one time; without weights, and without what an operation only uses itself."""
    alive: Mapping[str, int]
    """Bytes at the peak, by the operation that allocated them."""


def read_tensors(run_metadata: bytes) -> Tensors:
    """Read a traced execution (`RunMetadata.step_stats`)."""
    stats = [
        n for device in messages.RunMetadata.FromString(run_metadata).step_stats.dev_stats for n in device.node_stats
    ]
    outputs = {n.node_name: _output(n.output[0].tensor_description) for n in stats if n.output}
    records = sorted(
        (record.alloc_micros, record.alloc_bytes, n.node_name)
        for n in stats
        for used in n.memory
        for record in used.allocation_records
    )
    total = peak = peak_place = 0
    for place, (_, size, _) in enumerate(records):
        total += size
        if total > peak:
            peak, peak_place = total, place
    alive: dict[str, int] = defaultdict(int)
    for _, size, name in records[: peak_place + 1]:
        alive[name] += size
    return Tensors(outputs, peak, {name: size for name, size in alive.items() if size > 0})


def _output(description: messages.Proto) -> Output:
    return Output(name_of(description.dtype), tuple(dim.size for dim in description.shape.dim))


def peak_changes(compared: Compared, tensors: Mapping[Arm, Tensors]) -> tuple[TensorChange, ...]:
    """Return what is alive at each version's peak, the largest difference first."""
    found = []
    for unit in compared.units:
        nodes = dict(zip(Arm, compared.nodes(unit), strict=True))
        sizes = tuple(tensors[arm].alive.get(node.name, 0) if node else 0 for arm, node in nodes.items())
        texts = tuple(str(tensors[arm].outputs.get(node.name, "")) if node else "" for arm, node in nodes.items())
        if any(sizes):
            found.append(TensorChange("tensor", compared.node(unit).name, (texts[0], texts[1]), (sizes[0], sizes[1])))
    return tuple(
        sorted(found, key=lambda each: (-abs(each.size_bytes[1] - each.size_bytes[0]), -max(each.size_bytes)))[:_MOST]
    )
