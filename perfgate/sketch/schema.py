"""The typed schema of a sketch in TOML: the source of validation, defaults and the JSON Schema for editors."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from perfgate.scenario.forms import Table

Size: TypeAlias = Annotated[int, Field(ge=1)]
Depth: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
Activation: TypeAlias = Literal[
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "tanh", "sigmoid", "hard_sigmoid",
    "softplus", "softsign", "softmax",
]  # fmt: skip
DType: TypeAlias = Literal[
    "float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
    "uint64", "bool",
]  # fmt: skip


def is_whole(dtype: DType) -> bool:
    """Return whether a type holds whole numbers, which may be ids."""
    return dtype.startswith(("int", "uint"))


class Input(Table):
    """One input of the model."""

    dtype: DType = "float32"
    """Type of its values."""
    shape: tuple[Size, ...] = ()
    """Shape of one row, without the batch: `[64]` features, `[20, 8]` positions of 8 features each, `[32, 32, 3]` a
    picture. Default: one number."""
    cardinality: Size | None = None
    """Whole numbers: requests carry ids from 0 to cardinality - 1. Default: the fewest rows of the tables that look it
    up."""

    @field_validator("shape")
    @classmethod
    def _few_dimensions(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) > 3:
            raise ValueError("must be at most three sizes")
        return shape

    @model_validator(mode="after")
    def _ids_are_whole(self) -> Input:
        if self.cardinality is not None and not is_whole(self.dtype):
            msg = f'cardinality is for whole numbers, and dtype is "{self.dtype}"'
            raise ValueError(msg)
        return self


class Embedding(Table):
    """One table of vectors that are looked up by id."""

    rows: Size
    """Different ids."""
    dim: Size
    """Length of a vector."""
    lookups: Size | None = None
    """Ids in a row. Default: 1, or as many as the shape of `input` says."""
    combine: Literal["mean", "sum", "concat", "sequence"] = "mean"
    """How the vectors of a row become one: averaged, added, or one after the other; `sequence` keeps them apart, as
    positions for blocks."""
    input: str | None = None
    """Input of whole numbers that carries the ids. Default: an int64 input with this embedding's name."""

    @model_validator(mode="before")
    @classmethod
    def _one_lookup(cls, data: Any) -> Any:  # noqa: ANN401 - as read from the file
        return _filled(data, lookups=1) if isinstance(data, dict) and data.get("input") is None else data


def _filled(data: dict[str, Any], **defaults: int) -> dict[str, Any]:
    """Add defaults that depend on other keys, so that whoever reads the schema sees the values that apply."""
    return {**data, **{key: value for key, value in defaults.items() if data.get(key) is None}}


class Layers(Table):
    """Dense layers, one after the other: `width` and `depth`, or `widths`."""

    width: Size | None = None
    """Width of every layer."""
    depth: Depth | None = None
    """Layers of that width. Default: 1."""
    widths: tuple[Size, ...] | None = Field(default=None, min_length=1)
    """Width of each layer, instead of `width` and `depth`."""
    activation: Activation = "relu"
    """After each layer."""

    @model_validator(mode="before")
    @classmethod
    def _one_layer(cls, data: Any) -> Any:  # noqa: ANN401 - as read from the file
        return _filled(data, depth=1) if isinstance(data, dict) and data.get("width") is not None else data

    @model_validator(mode="after")
    def _one_way(self) -> Layers:
        if (self.width is None) == (self.widths is None):
            raise ValueError("set either width, with depth, or widths")
        if self.widths is not None and self.depth is not None:
            raise ValueError("widths says the depth already")
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """Width of each layer."""
        return self.widths or (self.width or 0,) * (self.depth or 1)


class _Reads(Table):
    from_: tuple[str, ...] | None = Field(default=None, alias="from", min_length=1)
    """Names of the inputs, embeddings and blocks that it reads, joined by their features. Default: the block before it;
    the first block reads all inputs and embeddings that it can."""


class Dense(_Reads, Layers):
    """Dense layers over vectors, or over each position of a sequence or picture."""

    kind: Literal["dense"]
    """Dense layers: `width` and `depth`, or `widths`."""


class Convolution(_Reads):
    """Convolutions over the positions of a sequence (1-D), or of a picture (2-D)."""

    kind: Literal["convolution"]
    """Convolutions over a sequence or a picture."""
    filters: Size
    """Features of each position afterwards."""
    kernel: Size = 3
    """Positions that each result is made from, in each direction."""
    stride: Size = 1
    """Step between results, in each direction and in each layer."""
    padding: Literal["same", "valid"] = "same"
    """`valid`: no results beyond the edges, so kernel - 1 positions are lost in each layer."""
    depth: Depth = 1
    """Layers, one after the other."""
    activation: Activation = "relu"
    """After each layer."""


class Attention(_Reads):
    """Layers of a transformer: self-attention and two dense layers, each with a residual and a normalisation."""

    kind: Literal["attention"]
    """Self-attention over a sequence, as in a transformer."""
    width: Size
    """Features of each position; what it reads is projected to it."""
    heads: Size
    """Attention heads; each has width / heads features, rounded down."""
    feed_forward: Size | None = None
    """Width between the two dense layers. Default: 4 times the width."""
    depth: Depth = 1
    """Layers, one after the other."""
    activation: Activation = "relu"
    """Between the two dense layers."""

    @model_validator(mode="before")
    @classmethod
    def _four_times(cls, data: Any) -> Any:  # noqa: ANN401 - as read from the file
        width = data.get("width") if isinstance(data, dict) else None
        return _filled(data, feed_forward=4 * width) if isinstance(width, int) and width > 0 else data


class Recurrent(_Reads):
    """Recurrent layers over a sequence: a sequence again if a block reads its positions, else the last state."""

    kind: Literal["recurrent"]
    """Recurrent layers over a sequence."""
    units: Size
    """Size of the state."""
    cell: Literal["lstm", "gru"] = "lstm"
    """Kind of the cells."""
    depth: Depth = 1
    """Layers, one after the other."""


class Dot(_Reads):
    """Dot products of all pairs of the vectors that it reads, which have the same length; a sequence is several."""

    kind: Literal["dot"]
    """Dot products of all pairs of vectors."""


class Pool(_Reads):
    """One vector from all positions of a sequence or picture."""

    kind: Literal["pool"]
    """One vector from all positions."""
    combine: Literal["mean", "max"] = "mean"
    """Mean or largest of each feature."""


Block: TypeAlias = Annotated[
    Dense | Convolution | Attention | Recurrent | Dot | Pool,
    Field(discriminator="kind"),
]
BLOCKS: dict[str, type[_Reads]] = {
    "dense": Dense,
    "convolution": Convolution,
    "attention": Attention,
    "recurrent": Recurrent,
    "dot": Dot,
    "pool": Pool,
}
"""By their kind."""


class Head(Table):
    """One output of the model."""

    units: Size = 1
    """Numbers in a row of it."""
    activation: Activation = "linear"
    """Applied to them."""


class Sketch(Table):
    """A model that is not trained yet. The names in it are the names of Keras layers."""

    name: str = ""
    """What it is, in a few words."""
    batch: Size | None = None
    """Rows of a request, if the scenario does not say. Default: as the scenario says."""
    inputs: dict[str, Input] = Field(default_factory=dict)
    """By name. Whole numbers that no embedding looks up are read as numbers."""
    embeddings: dict[str, Embedding] = Field(default_factory=dict)
    """By name."""
    blocks: dict[str, Block] = Field(default_factory=dict)
    """By name, between the inputs and the dense layers at the end."""
    layers: Layers | None = None
    """The dense layers at the end. They read everything that nothing else reads: positions are averaged, and everything
    is joined. Default: none."""
    heads: dict[str, Head] = Field(default_factory=lambda: {"score": Head()})
    """Outputs by name; all read the last of the dense layers. Default: one, `score`."""
