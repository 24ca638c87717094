"""Who reads what in a sketch: its parts in an order in which they can be built."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from perfgate.errors import UsageError
from perfgate.nearest import suggestion
from perfgate.sketch.schema import Embedding, Input, Sketch, is_whole
from perfgate.sketch.shapes import (
    AnyBlock,
    Shape,
    ShapeError,
    block_shape,
    block_weights,
    embedded,
    flat,
    stack_weights,
)

_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_STACK = "layers"
_OF_POSITIONS = {"convolution", "attention", "recurrent", "pool"}
"""Kinds of blocks that read positions, not one vector."""
_FIRST_READS = {
    "dense": (((0, 1),), ((2,), (3,))),
    "dot": (((1,),), ((2,),)),
    "convolution": (((2,), (3,)),),
    "pool": (((2,), (3,)),),
    "attention": (((2,),),),
    "recurrent": (((2,),),),
}
"""Ranks that the first block looks for, by kind: the first choice for which there is anything; of its alternatives only
one may be there.
"""


@dataclass(frozen=True, slots=True)
class WiredEmbedding:
    """A table, and the input that it looks up."""

    name: str
    table: Embedding
    input: str
    lookups: int


@dataclass(frozen=True, slots=True)
class WiredBlock:
    """A block, and what it reads."""

    name: str
    block: AnyBlock
    reads: tuple[str, ...]
    keeps_positions: bool
    """Whether a recurrent block returns all states, because a block reads its positions."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """A whole sketch."""

    inputs: dict[str, Input]
    """Of the model, with those of embeddings."""
    embeddings: tuple[WiredEmbedding, ...]
    blocks: tuple[WiredBlock, ...]
    """Each after those that it reads."""
    stack: tuple[str, ...]
    """What the dense layers at the end read."""
    parameters: int
    """Weights of the model."""
    cardinalities: dict[str, int]
    """Different ids of each input that carries ids."""


def wired(sketch: Sketch, file: str) -> Wiring:
    """Find out who reads what; UsageError, naming file and part, for what is ambiguous, impossible or unknown."""
    try:
        return _Wires(sketch).all()
    except UsageError as error:
        raise UsageError(f"{file}: {error.problem}", error.remedy) from error


class _Wires:
    """A sketch while it is wired; its errors do not name the file."""

    def __init__(self, sketch: Sketch) -> None:
        self._sketch = sketch
        _check_names(sketch)
        self._embeddings = tuple(self._embedding(name, table) for name, table in sketch.embeddings.items())
        own = {each.input: Input(dtype="int64", shape=_ids(each.lookups)) for each in self._embeddings}
        self._inputs = {**sketch.inputs, **{name: made for name, made in own.items() if name not in sketch.inputs}}
        looked_up = {each.input for each in self._embeddings}
        self.shapes: dict[str, Shape] = {
            name: given.shape for name, given in sketch.inputs.items() if name not in looked_up
        }
        self.shapes |= {each.name: embedded(each.table, each.lookups) for each in self._embeddings}
        if not sketch.heads:
            raise UsageError("there are no heads", "add a table [heads.NAME], or leave out [heads] for one, score")
        if not self.shapes:
            raise UsageError("the heads have nothing to read", "add a table [inputs.NAME] or [embeddings.NAME]")
        self._sources = tuple(self.shapes)

    def all(self) -> Wiring:
        """Wire everything."""
        reads = self._reads()
        weights = sum(each.table.rows * each.table.dim for each in self._embeddings)
        blocks = []
        for name in _in_order(reads):
            block = self._sketch.blocks[name]
            users = [self._sketch.blocks[user].kind for user, read in reads.items() if name in read]
            keeps = not _OF_POSITIONS.isdisjoint(users)
            blocks.append(WiredBlock(name, block, reads[name], keeps))
            read = tuple(self._shape(each) for each in reads[name])
            try:
                self.shapes[name] = block_shape(block, read, keeps_positions=keeps)
            except ShapeError as error:
                raise UsageError(f"blocks.{name}: {error} (from {', '.join(reads[name])})", "set from") from error
            weights += block_weights(block, read)
        taken = {each for read in reads.values() for each in read}
        stack = tuple(name for name in self.shapes if name not in taken)
        width = flat(tuple(self.shapes[name] for name in stack))
        layers = self._sketch.layers
        last = layers.sizes[-1] if layers else width
        weights += stack_weights(width, layers) if layers else 0
        weights += sum(last * head.units + head.units for head in self._sketch.heads.values())
        return Wiring(self._inputs, self._embeddings, tuple(blocks), stack, weights, self._cardinalities())

    def _shape(self, name: str) -> Shape:
        return self.shapes[name] if name in self.shapes else self._inputs[name].shape

    def _embedding(self, name: str, table: Embedding) -> WiredEmbedding:
        where, inputs = f"embeddings.{name}", self._sketch.inputs
        if table.input is None:
            return WiredEmbedding(name, table, name, table.lookups or 1)
        if table.input not in inputs:
            raise UsageError(f"{where}.input: there is no input {table.input}", suggestion(table.input, inputs))
        given = inputs[table.input]
        if not is_whole(given.dtype):
            raise UsageError(f"{where}.input: {table.input} is {given.dtype}", 'ids are whole numbers: dtype = "int64"')
        if len(given.shape) > 1:
            raise UsageError(
                f"{where}.input: {table.input} has the shape {list(given.shape)}", "ids of a row are a list: [20]"
            )
        lookups = given.shape[0] if given.shape else 1
        if table.lookups not in {None, lookups}:
            raise UsageError(
                f"{where}.lookups = {table.lookups}: {table.input} has {lookups} in a row", "leave out lookups"
            )
        if given.cardinality is not None and given.cardinality > table.rows:
            raise UsageError(
                f"inputs.{table.input}.cardinality = {given.cardinality}: {where} has only {table.rows} rows",
                "make both alike, or leave out cardinality",
            )
        return WiredEmbedding(name, table, table.input, lookups)

    def _cardinalities(self) -> dict[str, int]:
        found = {name: given.cardinality for name, given in self._inputs.items() if given.cardinality is not None}
        for each in self._embeddings:
            if self._inputs[each.input].cardinality is None:
                found[each.input] = min(each.table.rows, found.get(each.input, each.table.rows))
        return found

    def _reads(self) -> dict[str, tuple[str, ...]]:
        """Return what each block reads, in the file's order."""
        reads: dict[str, tuple[str, ...]] = {}
        known = (*self._inputs, *self.shapes, *self._sketch.blocks)
        before = None
        for name, block in self._sketch.blocks.items():
            for each in block.from_ or ():
                if each not in known:
                    raise UsageError(f"blocks.{name}.from: there is no {each}", suggestion(each, set(known)))
            reads[name] = block.from_ or ((before,) if before is not None else self._first(name, block))
            before = name
        return reads

    def _first(self, name: str, block: AnyBlock) -> tuple[str, ...]:
        """Return what a block reads that comes first and does not say it."""
        for choice in _FIRST_READS[block.kind]:
            found = [[each for each in self._sources if len(self.shapes[each]) in ranks] for ranks in choice]
            there = [names for names in found if names]
            if len(there) > 1:
                listed = " or ".join(", ".join(names) for names in there)
                raise UsageError(f"blocks.{name}: it is not clear whether it reads {listed}", "set from")
            if there:
                return tuple(there[0])
        raise UsageError(
            f"blocks.{name}: no input or embedding has positions, which {block.kind} reads",
            'set from, or combine = "sequence" for an embedding',
        )


def _ids(lookups: int) -> tuple[int, ...]:
    return (lookups,)


def _check_names(sketch: Sketch) -> None:
    tables: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("inputs", sketch.inputs), ("embeddings", sketch.embeddings), ("blocks", sketch.blocks), ("heads", sketch.heads)
    )  # fmt: skip
    places = [(table, name) for table, parts in tables for name in parts]
    for table, name in places:
        if not _NAME.fullmatch(name):
            raise UsageError(f"{table}.{name!r} is not a name", "use letters, digits and _, and begin with a letter")
    counted = Counter([_STACK, *(name for _, name in places)])
    for table, name in places:
        if counted[name] > 1:
            others = [f"{other}.{name}" for other, same in places if same == name and other != table]
            raise UsageError(f"{table}.{name}: {' and '.join(others) or _STACK} has the same name", "rename one")


def _in_order(reads: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Return the blocks so that each comes after those that it reads; UsageError if they read each other."""
    sorter = TopologicalSorter({name: [each for each in read if each in reads] for name, read in reads.items()})
    try:
        yield from sorter.static_order()
    except CycleError as error:
        circle = " reads ".join(error.args[1][::-1])
        raise UsageError(f"blocks read each other: {circle}", "remove one of them from from") from error
