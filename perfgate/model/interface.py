"""A model as the rest of perfgate sees it: where it is, what goes in, what comes out. No TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One named input or output of a signature."""

    name: str
    dtype: str
    """TensorFlow's name in lower case: `float32`, `int64`, `string`, `bool`, `bfloat16` …"""
    shape: tuple[int | None, ...] | None
    """None in place of an unknown dimension; None as a whole when the rank is unknown."""
    encoding: Literal["dense", "sparse", "composite"] = "dense"
    """Other than `dense`: several tensors of the graph under one name. No request can carry one: TF-Serving feeds the
    tensor that `TensorInfo.name` names, which these lack (tensorflow/cc/saved_model/util.cc: GetInputValues)."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A callable face of the model, inputs and outputs sorted by name."""

    key: str
    method: str
    """`tensorflow/serving/predict`, `…/classify`, `…/regress`."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class ServedAs:
    """How requests ask a running server for a model."""

    name: str
    version: int | None = None
    """None: the server's choice, or by label."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A SavedModel on disk, or what a running server serves, as far as its description goes."""

    path: Path
    """The SavedModel directory itself: of a versioned base path, the chosen version's; of a running server its URL."""
    given: str
    """What the user named."""
    version: int
    """The directory's number under a base path, else 1."""
    digest: str
    """`sha256:…` over the relative names and the bytes of all files: content only, no times, no paths."""
    size_bytes: int
    tags: tuple[str, ...]
    signatures: tuple[Signature, ...]
    ops: tuple[tuple[str, int], ...]
    """Op type and count over the graph and its function library, most frequent first."""
    served_as: ServedAs | None = None
    """None: it is on disk, and perfgate has it served."""
