from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from examples.ranking import build
from perfgate.model.saved_model import open_model

ROOT = Path(__file__).resolve().parents[2]
SMALL = build.Settings(examples=64, epochs=1, batch_size=32)


def test_the_same_seed_generates_the_same_clicks() -> None:
    features, clicked = build.clicks(SMALL)
    again, clicked_again = build.clicks(SMALL)
    other, _ = build.clicks(build.Settings(seed=18, examples=64))
    assert (clicked == clicked_again).all()
    assert all((features[name] == again[name]).all() for name in features)
    assert (features["item_ids"] != other["item_ids"]).any()


def test_clicks_have_the_shapes_of_the_signature() -> None:
    features, clicked = build.clicks(SMALL)
    assert features["item_ids"].shape == (64, 20)
    assert features["item_ids"].dtype == np.int64
    assert 0 <= features["item_ids"].min() <= features["item_ids"].max() < build.ITEMS
    assert features["dense"].shape == (64, 16)
    assert set(features["country"]) <= set(build.COUNTRIES)
    assert 0.2 < clicked.mean() < 0.8


def finished(base: Path, recipe: dict[str, object]) -> None:
    for name in ("v1", "v1-again", "v2"):
        (base / name).mkdir(parents=True)
        (base / name / "saved_model.pb").touch()
    (base / "stamp.json").write_text(json.dumps({"recipe": recipe}))


def test_a_finished_build_is_up_to_date(tmp_path: Path) -> None:
    finished(tmp_path, build.recipe(SMALL))
    assert build.up_to_date(tmp_path, build.recipe(SMALL))


def test_another_seed_a_lost_model_or_no_stamp_is_not(tmp_path: Path) -> None:
    finished(tmp_path, build.recipe(SMALL))
    assert not build.up_to_date(tmp_path, build.recipe(build.Settings(seed=18)))
    (tmp_path / "v2" / "saved_model.pb").unlink()
    assert not build.up_to_date(tmp_path, build.recipe(SMALL))
    assert not build.up_to_date(tmp_path / "nowhere", build.recipe(SMALL))


_TRAIN_TWICE = """
from examples.ranking import build
from perfgate.model.saved_model import open_model
with build.quiet():
    settings = build.Settings(examples=64, epochs=1, batch_size=32)
    digests = [build.weights_digest(build.train((32, 16), settings)[0]) for _ in range(2)]
    digests.append(build.weights_digest(build.network((32, 16))))
print(*digests)
"""


@pytest.mark.live
def test_the_same_seed_trains_the_same_weights() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TRAIN_TWICE], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    first, second, untrained = done.stdout.split()
    assert first == second != untrained


@pytest.mark.live
def test_a_build_is_quiet_and_its_loss_goes_down(ranking_models: tuple[Path, ...]) -> None:
    base = ranking_models[0].parent
    networks = json.loads((base / "stamp.json").read_text())["networks"]
    assert set(networks) == {"v1", "v2"}
    for network in networks.values():
        assert network["losses"] == sorted(network["losses"], reverse=True)
    done = subprocess.run(
        [sys.executable, "examples/ranking/build.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("up to date\n")


@pytest.mark.live
def test_the_exports_share_their_signature(ranking_models: tuple[Path, ...], tmp_path: Path) -> None:
    opened = [open_model(str(path), tmp_path) for path in ranking_models]
    served = [next(one for one in model.signatures if one.key == "serving_default") for model in opened]
    inputs = [(one.name, one.dtype, one.shape) for one in served[0].inputs]
    assert inputs == [
        ("country", "string", (None,)),
        ("dense", "float32", (None, 16)),
        ("item_ids", "int64", (None, 20)),
    ]
    assert served[0].inputs == served[1].inputs == served[2].inputs
    assert served[0].outputs == served[1].outputs == served[2].outputs
    assert opened[2].size_bytes < 1.1 * opened[0].size_bytes
