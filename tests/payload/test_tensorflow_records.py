from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from perfgate.model.interface import Model
from perfgate.model.messages import Example, PredictRequest
from perfgate.model.tensors import decode
from perfgate.payload.examples import example_calls
from perfgate.payload.prediction_log import logged_calls
from perfgate.payload.tfrecord import framed, read_records
from perfgate.scenario.schema import Payload

pytestmark = pytest.mark.live

OURS = [b"", b"one", bytes(100_000)]


class Exchange(NamedTuple):
    folder: Path
    read: dict[str, list[str]]
    """TensorFlow's reading of our records, by the file's suffix."""


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    folder = tmp_path_factory.mktemp("records")
    data = b"".join(map(framed, OURS))
    (folder / "ours").write_bytes(data)
    (folder / "ours.gz").write_bytes(gzip.compress(data))
    program = Path(__file__).with_name("tensorflow_records.py")
    done = subprocess.run(
        [sys.executable, str(program), str(folder)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return Exchange(folder, json.loads(done.stdout))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_tensorflow_reads_our_records(exchange: Exchange, suffix: str) -> None:
    assert exchange.read[suffix] == [record.hex() for record in OURS]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_examples_that_tensorflow_wrote_are_sent(exchange: Exchange, model: Model, suffix: str) -> None:
    file = exchange.folder / f"example{suffix}"
    spec = Payload(source="examples", file=str(file), signature="text", batch_size=3)
    sent = [
        record
        for call in example_calls(file, model, spec, "m")
        for record in decode(PredictRequest.FromString(call.body).inputs["examples"]).tolist()
    ]
    assert sent == list(read_records(file))
    ids = [list(Example.FromString(record).features.feature["ids"].int64_list.value) for record in sent]
    assert ids == [[number, -1] for number in range(6)]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_logs_that_tensorflow_wrote_are_sent(exchange: Exchange, model: Model, suffix: str) -> None:
    file = exchange.folder / f"log{suffix}"
    spec = Payload(source="prediction_log", file=str(file), signature="rank")
    requests = [PredictRequest.FromString(call.body) for call in logged_calls(file, model, spec, "m")]
    assert [decode(request.inputs["ids"]).tolist() for request in requests] == [[[number, 2]] for number in range(6)]
    assert [decode(request.inputs["country"]).tolist() for request in requests] == [[b"DE"]] * 6
