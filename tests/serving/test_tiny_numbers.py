"""TensorFlow takes numbers for zero that are too small for all of their digits, which a CPU computes slowly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from perfgate.scenario.schema import Server
from tests.serving.conftest import Rest, Start

pytestmark = [pytest.mark.live, pytest.mark.slow]

SIZE = 64
DENORMAL, TINY, NORMAL = 1e-40, 1e-30, 1e-20
"""Float32 has all digits from 1.2e-38 on: the first has not, nor has a product of the second with 1e-10."""
Answer: TypeAlias = Mapping[str, "np.ndarray[Any, np.dtype[Any]]"]
KERNELS = ("product", "again", "matmul", "matmul_again", "total")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tiny") / "model"
    program = Path(__file__).with_name("tiny_numbers.py")
    done = subprocess.run(
        [sys.executable, str(program), str(directory)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="module", params=[1, 2], ids=["one thread", "two threads"])
def answers(request: pytest.FixtureRequest, start: Start, model: Path) -> dict[float, Answer]:
    threads: int = request.param
    server = start(model, settings=Server(intra_op_threads=threads, inter_op_threads=threads))
    found: dict[float, Answer] = {}
    for value in (DENORMAL, TINY, NORMAL):
        reply = Rest(server.rest_address).predict({"inputs": np.full((8, SIZE), value).tolist()})
        assert reply.status == 200, reply.body
        found[value] = {name: np.array(each, np.float64) for name, each in reply.json["outputs"].items()}
    return found


def _by_numpy(value: float) -> Answer:
    x, small, large = np.full((8, SIZE), value, np.float32), np.float32(1e-10), np.float32(1e10)
    product, matmul = x * small, x @ (np.eye(SIZE, dtype=np.float32) * small)
    return {
        "product": product,
        "again": product * large,
        "larger": x * large,
        "matmul": matmul,
        "matmul_again": matmul * large,
        "total": product.sum(axis=1),
    }


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_served_model_takes_products_near_0_for_0(answers: dict[float, Answer], kernel: str) -> None:
    assert np.unique(answers[TINY][kernel]).tolist() == [0.0]


def test_it_takes_what_comes_in_near_0_for_0_too(answers: dict[float, Answer]) -> None:
    assert np.unique(answers[DENORMAL]["larger"]).tolist() == [0.0]
    np.testing.assert_allclose(answers[DENORMAL]["same"], DENORMAL, rtol=1e-4)  # what is only copied arrives


@pytest.mark.parametrize("kernel", [*KERNELS, "larger"])
def test_it_computes_normal_numbers_like_numpy(answers: dict[float, Answer], kernel: str) -> None:
    np.testing.assert_allclose(answers[NORMAL][kernel], _by_numpy(NORMAL)[kernel], rtol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
def test_numpy_takes_none_of_them_for_0(kernel: str) -> None:
    found = _by_numpy(TINY)[kernel]
    factor = {"total": SIZE * 1e-10, "again": 1.0, "matmul_again": 1.0}.get(kernel, 1e-10)
    np.testing.assert_allclose(found, TINY * factor, rtol=1e-3)
    np.testing.assert_allclose(_by_numpy(DENORMAL)["larger"], 1e-30, rtol=1e-3)
