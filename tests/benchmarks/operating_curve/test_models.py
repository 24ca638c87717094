from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.operating_curve.models import RECIPES, STEPS, STEPS_OF_A_REQUEST, up_to_date

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import json, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from benchmarks.operating_curve.models import RECIPES, export
from perfgate.serving.embedded.servable import Servable

home, features = Path(sys.argv[1]), np.random.default_rng(1).random((8, 32), np.float32)
answers = {}
for name in sys.argv[2:]:
    short = replace(RECIPES[name], steps=5, extra_mib=min(RECIPES[name].extra_mib, 1))
    export(replace(short, heavy_steps=min(short.heavy_steps, 4)), home / name)
    endpoint = Servable(home / name, ["serve"], 1, 1).endpoint("serving_default")
    def run(length):
        lengths = np.full(8, length, np.int32)
        fed = [features if "features" in each else lengths for each in endpoint.inputs]
        return np.asarray(endpoint.run(*fed)[0]).tolist()
    answers[name] = [run(0), run(0), run(1)]
print(json.dumps(answers))
"""


@pytest.mark.parametrize(("name", "share"), [("plus_1", 0.01), ("plus_2", 0.02), ("plus_tau", 0.025), ("plus_10", 0.1)])
def test_a_share_more_is_so_many_steps_more(name: str, share: float) -> None:
    more = (RECIPES[name].steps - STEPS) / STEPS_OF_A_REQUEST
    assert more == pytest.approx(share, abs=0.5 / STEPS_OF_A_REQUEST)
    assert replace(RECIPES[name], steps=STEPS) == RECIPES["base"]


def test_what_another_recipe_built_is_not_up_to_date(tmp_path: Path) -> None:
    for name in RECIPES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    assert not up_to_date(tmp_path)
    (tmp_path / "stamp.json").write_text(json.dumps({"recipe": {"source": "of another day"}}))
    assert not up_to_date(tmp_path)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What short models of each kind answer as the server loads them: twice alike, then with `length` above 0."""
    kinds = (
        "base",
        "renamed",
        "weights",
        "even",
        "tail",
        "leak",
        "plus_50mib",
        "slow_load",
        "quick_first",
        "slow_first",
    )
    command = [sys.executable, "-c", PROGRAM, str(tmp_path_factory.mktemp("models")), *kinds]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.live
def test_the_models_answer_alike_where_their_weights_are(answers: dict[str, Any]) -> None:
    for name, (first, second, long) in answers.items():
        assert first == second, name
        assert (first == answers["base"][0]) is (name != "weights"), name
        assert (long == first) is (name != "tail"), name
