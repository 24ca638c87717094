"""Keras files that cannot be exported directly: which Keras wrote them, and how to convert them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_WITH_TF_KERAS = (
    "convert it with the Keras of that time: pip install tf_keras, then "
    "tf_keras.models.load_model({0!r}, compile=False).save({1!r}, save_format='tf')"
)


def is_hdf5(file: Path) -> bool:
    """Return whether the file is HDF5, by its first bytes."""
    with file.open("rb") as stream:
        return stream.read(len(HDF5_MAGIC)) == HDF5_MAGIC


def explain_hdf5(file: Path) -> tuple[str, str]:
    """Return what a Keras HDF5 file is, and how to convert it to a model that can be served."""
    import h5py  # noqa: PLC0415 - needed only here

    try:
        with h5py.File(file, "r") as opened:
            version, has_model = _text(opened.attrs.get("keras_version")), "model_config" in opened.attrs
            version = version or _text(opened.get("model_weights", opened).attrs.get("keras_version"))
    except OSError:
        return "is not a model: the HDF5 file is damaged", "save it again"
    if not has_model:
        return (
            "contains weights without their model",
            f"build the model in Python, load_weights({file.name!r}), and save it as {file.stem + '.keras'!r}",
        )
    if _is_old(version):
        return f"is an HDF5 file of Keras {version or 2}", _WITH_TF_KERAS.format(file.name, file.stem)
    saved = f"tf.keras.models.load_model({file.name!r}).save({file.stem + '.keras'!r})"
    return f"is an HDF5 file of Keras {version}", f"convert it: {saved}"


def version_of_archive(file: Path) -> str:
    """Return the Keras version in a `.keras` file; empty if it names none."""
    try:
        with zipfile.ZipFile(file) as packed:
            return str(json.loads(packed.read("metadata.json"))["keras_version"])
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError):
        return ""


def conversion_of(file: Path) -> str:
    """Return how to convert a `.keras` file that current Keras cannot read; empty if it is not too old."""
    version = version_of_archive(file)
    return _WITH_TF_KERAS.format(file.name, file.stem) if version and _is_old(version) else ""


def _is_old(version: str) -> bool:
    return version.partition(".")[0] in {"", "1", "2"}


def _text(value: Any) -> str:  # noqa: ANN401 - of an HDF5 attribute
    return value.decode() if isinstance(value, bytes) else str(value or "")
