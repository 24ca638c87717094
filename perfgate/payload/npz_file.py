"""Requests from an `.npz` file: one array an input, cut into requests of `batch_size` rows."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import ml_dtypes
import numpy as np

from perfgate.errors import UsageError
from perfgate.formatting import with_unit
from perfgate.model.interface import Model, TensorSpec
from perfgate.model.tensors import Array
from perfgate.payload.requests import check_dtype, check_names, predict_call, predict_signature
from perfgate.scenario.schema import Payload
from perfgate.trials import Call

_LARGEST_ARRAY_BYTES = 4 << 30
_REMEDY = "write it with numpy.savez, one array per input"
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, MemoryError, RuntimeError)
"""RuntimeError: an archive that is encrypted, or compressed in an unknown way."""


def npz_calls(file: Path, model: Model, spec: Payload, model_name: str) -> Iterator[Call]:
    """Make up to `spec.distinct` requests of `spec.batch_size` rows; a remainder at the end is not sent.

    An array without dimensions goes into every request; arrays that match no input are ignored. UsageError, naming the
    file and the request's rows, for arrays that do not fit the signature or each other.
    """
    if spec.method != "predict":
        problem = f'payload.method = "{spec.method}" sends tf.Examples, but {file} contains arrays'
        raise UsageError(problem, 'use payload.source = "examples" or "json"')
    signature = predict_signature(model, spec.signature)
    arrays = _read(file, signature.inputs, signature.key)
    check_names(arrays, signature, str(file))
    rows = _rows(file, arrays, spec.batch_size)
    for index in range(min(spec.distinct, rows // spec.batch_size) if rows is not None else 1):
        cut = slice(index * spec.batch_size, (index + 1) * spec.batch_size)
        where = f"{file}: rows {cut.start} to {cut.stop - 1}"
        chosen = {name: array[cut] if array.ndim else array for name, array in arrays.items()}
        for tensor in signature.inputs:
            array = chosen[tensor.name]
            check_dtype(tensor, _dtype_of(array), where if array.ndim else str(file))
        yield predict_call(signature, chosen, model_name, where)


def _rows(file: Path, arrays: dict[str, Array], batch_size: int) -> int | None:
    """Return the number of rows of all arrays; None if none has a dimension."""
    lengths = {name: len(array) for name, array in arrays.items() if array.ndim}
    if not lengths:
        return None
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise UsageError(
            f"{file}: the arrays have different numbers of rows: {listed}", "use the same number of rows for all inputs"
        )
    rows = next(iter(lengths.values()))
    if rows < batch_size:
        problem = f"{file} contains {rows} rows, fewer than payload.batch_size = {batch_size}"
        raise UsageError(problem, f"lower payload.batch_size to {rows}, or add more" if rows else "add rows")
    return rows


def _read(file: Path, inputs: tuple[TensorSpec, ...], key: str) -> dict[str, Array]:
    wanted = {tensor.name: tensor for tensor in inputs}
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            missing = sorted(wanted.keys() - entries.keys())
            if missing:
                there = f"arrays in it: {', '.join(sorted(entries)) or 'none'}"
                raise UsageError(f"{file}: no array {missing[0]}, which signature {key} takes", there)
            return {name: _array(archive, entries[name], f"{file}: array {name}") for name in wanted}
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}", "check the path") from error
    except _BROKEN as error:
        raise UsageError(f"{file} is not an .npz file, or is damaged", _REMEDY) from error


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str) -> Array:
    if entry.file_size > _LARGEST_ARRAY_BYTES:
        raise UsageError(f"{where} has {with_unit(entry.file_size / 2**30, 'GiB')}, more than 4 GiB", "save fewer rows")
    try:
        with archive.open(entry) as stream:
            array: Array = np.lib.format.read_array(stream, allow_pickle=False)
    except _BROKEN as error:
        if "allow_pickle" in str(error):
            problem = f"{where} contains Python objects, which are not unpickled for safety"
            raise UsageError(problem, "save strings as arrays of type S or U") from error
        raise UsageError(f"{where} is damaged", _REMEDY) from error
    if array.dtype.kind == "U":
        array = np.char.encode(array, "utf-8")
    if array.dtype.kind == "S":
        return array.astype(object)
    if array.dtype == np.dtype("V2"):  # numpy's form of bfloat16 in a file
        return array.view(ml_dtypes.bfloat16)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _dtype_of(array: Array) -> str:
    return "string" if array.dtype.kind == "O" else array.dtype.name
