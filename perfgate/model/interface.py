"""A model as the rest of perfgate sees it: its location, inputs and outputs. No TensorFlow."""

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
    """None for an unknown dimension; None as a whole if the rank is unknown."""
    encoding: Literal["dense", "sparse", "composite"] = "dense"
    """Other than `dense`: several tensors of the graph under one name. No request can carry one: TF-Serving feeds the
    tensor named by `TensorInfo.name`, which these lack (tensorflow/cc/saved_model/util.cc: GetInputValues).
    """


@dataclass(frozen=True, slots=True)
class Signature:
    """A callable signature of the model, inputs and outputs sorted by name."""

    key: str
    method: str
    """`tensorflow/serving/predict`, `…/classify`, `…/regress`."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class ServedAs:
    """How requests to a running server name the model."""

    name: str
    version: int | None = None
    """None: chosen by the server, or by label."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A SavedModel on disk, or one served by a running server, as far as it is described."""

    path: Path
    """The SavedModel directory itself: the chosen version's below a base path; for a running server, its URL."""
    given: str
    """As the user named it."""
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
    """None: it is on disk, and perfgate serves it."""
