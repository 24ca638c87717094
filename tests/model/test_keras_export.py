from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from perfgate.model.interface import TensorSpec
from perfgate.model.saved_model import open_model, signature

_MAKE = """
import sys, keras
dense, ids = keras.Input((4,), name="dense"), keras.Input((2,), name="ids", dtype="int64")
embedded = keras.layers.Flatten()(keras.layers.Embedding(10, 3)(ids))
joined = keras.layers.Concatenate()([dense, embedded])
keras.Model([dense, ids], keras.layers.Dense(1, name="score")(joined)).save(sys.argv[1])
"""


@pytest.mark.live
def test_a_keras_file_opens_like_its_saved_model(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "m.keras"
    subprocess.run([sys.executable, "-c", _MAKE, str(file)], check=True, capture_output=True, timeout=120)
    model = open_model(str(file), tmp_path / "cache")
    assert signature(model, "serving_default").inputs == (
        TensorSpec("dense", "float32", (None, 4)),
        TensorSpec("ids", "int64", (None, 2)),
    )
    assert model.path.parent == tmp_path / "cache"
    assert ("MatMul" in dict(model.ops), model.given) == (True, str(file))
    assert open_model(str(file), tmp_path / "cache") == model
    assert capfd.readouterr() == ("", "")
