from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.operating_curve.models import up_to_date
from benchmarks.operating_curve.payloads import FILES, HOME, UNEVEN_STEPS, text
from benchmarks.operating_curve.recipe import Family
from benchmarks.operating_curve.recipes import RECIPES, STEPS, STEPS_OF_A_REQUEST, model_name

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import json, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from benchmarks.operating_curve.families.convolutional import SIZE
from benchmarks.operating_curve.families.ranker import DENSE, IDS
from benchmarks.operating_curve.families.recurrent import WIDTH
from benchmarks.operating_curve.families.transformer import WORDS
from benchmarks.operating_curve.models import export
from benchmarks.operating_curve.recipes import RECIPES
from perfgate.server.servable import Servable

rng, home = np.random.default_rng(1), Path(sys.argv[1])
features, image, dense = (rng.random((8, *shape), np.float32) for shape in ((WIDTH,), (SIZE, SIZE, 3), (DENSE,)))
ids, numbers = rng.integers(0, 1 << 40, (8, IDS)), rng.integers(0, 99, (8, WORDS))
words = np.array([[b"word%d" % number for number in row] for row in numbers], object)
fixed = {"features": features, "image": image, "dense": dense, "numbers": dense, "ids": ids, "text": words}
fixed |= {"scale": np.ones(8, np.float32), "gain": np.ones(8, np.float32), "words": np.full(8, 9, np.int32)}
lengths = {"length", "sequence_length"}
answers = {}
for name in sys.argv[2:]:
    short = replace(RECIPES[name], steps=5, extra_mib=min(RECIPES[name].extra_mib, 1))
    export(replace(short, heavy_steps=min(short.heavy_steps, 4)), home / name)
    endpoint = Servable(home / name, ["serve"], 1, 1).endpoint("serving_default")
    def run(length):
        at = 9 if name.startswith("transformer") else length
        fed = [np.full(8, at, np.int32) if each in lengths else fixed[each] for each in endpoint.inputs]
        return np.asarray(endpoint.run(*fed)[0]).tolist()
    by_chance = [run(0) for _ in range(400)] if short.random_share else []
    answers[name] = [run(0), run(0), run(1), sum(each != by_chance[0] for each in by_chance)]
print(json.dumps(answers))
"""
_SHARES = ((0.01, "plus_1"), (0.02, "plus_2"), (0.05, "plus_5"), (0.10, "plus_10"), (0.50, "plus_50"))


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize(("share", "change"), _SHARES)
def test_a_share_more_is_so_many_steps_more(share: float, change: str, family: Family) -> None:
    name = model_name(family, change)
    if share == 0.01 and family is not Family.CONVOLUTIONAL:
        assert name not in RECIPES
        return
    more = (RECIPES[name].steps - STEPS[family]) / STEPS_OF_A_REQUEST[family]
    assert more == pytest.approx(share, abs=0.5 / STEPS_OF_A_REQUEST[family])
    assert replace(RECIPES[name], steps=STEPS[family]) == RECIPES[model_name(family, "base")]


def test_one_per_cent_is_whole_steps_in_the_family_in_which_it_is_to_be_found() -> None:
    assert 0.01 * STEPS_OF_A_REQUEST[Family.CONVOLUTIONAL] == 2


def test_requests_are_longer_by_the_named_share() -> None:
    of_a_request = STEPS_OF_A_REQUEST[Family.RECURRENT]
    further = {name: RECIPES[name].heavy_steps / of_a_request for name in ("heavy", "tail", "random_tenth")}
    assert further == {"heavy": 1.5, "tail": 4.0, "random_tenth": 2.0}
    for slow, even in (("heavy", "even"), ("tail", "even"), ("random_tenth", "even_by_chance")):
        one, other = (replace(RECIPES[name], heavy_steps=0, random_share=None) for name in (slow, even))
        assert one == other
    assert RECIPES["even"].heavy_steps == 0
    assert RECIPES["even_by_chance"].random_share == 0.0


@pytest.mark.parametrize(("name", "lengths"), FILES.items())
def test_a_payload_file_is_what_its_program_writes(name: str, lengths: tuple[int, ...]) -> None:
    assert (HOME / f"{name}.json").read_text(encoding="utf-8") == text(lengths)
    assert len(lengths) == 16


def test_the_named_share_of_the_payloads_is_long() -> None:
    assert [sum(FILES[name]) for name in ("two_of_16", "one_of_16")] == [2, 1]
    assert sorted(FILES["uneven"]) == list(UNEVEN_STEPS)


def test_what_another_recipe_built_is_not_up_to_date(tmp_path: Path) -> None:
    for name in RECIPES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    assert not up_to_date(tmp_path)
    (tmp_path / "stamp.json").write_text(json.dumps({"recipe": {"source": "of another day"}}))
    assert not up_to_date(tmp_path)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Outputs of short models of each kind as the server loads them: two equal requests, then `length` above 0."""
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
        "heavy",
        "even_by_chance",
        "random_tenth",
        *(model_name(family, name) for family in Family for name in ("base", "renamed", "weights")),
    )
    command = [sys.executable, "-c", PROGRAM, str(tmp_path_factory.mktemp("models")), *dict.fromkeys(kinds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.live
def test_the_models_answer_alike_where_their_weights_are(answers: dict[str, Any]) -> None:
    for name, (first, second, long, _) in answers.items():
        if name == "random_tenth":
            continue
        assert first == second, name
        base = next((each for each in Family if name.startswith(each)), Family.RECURRENT)
        assert (first == answers[model_name(base, "base")][0]) is not name.endswith("weights"), name
        assert (long == first) is (name not in {"tail", "heavy"}), name


@pytest.mark.live
def test_one_execution_in_ten_is_longer_at_random(answers: dict[str, Any]) -> None:
    longer = answers["random_tenth"][3]
    longer = min(longer, 400 - longer)  # the first run, with which the others are compared, may be a long one
    assert 16 < longer < 72  # binomial: fewer or more in two of a million series of 400
