from __future__ import annotations

import subprocess
import sys

from perfgate.model.messages import PredictRequest, PredictResponse, SavedModel


def test_messages_come_without_tensorflow() -> None:
    program = (
        "import perfgate.model.messages, sys; print(*{'tensorflow', 'tensorflow_serving', 'numpy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_bytes_on_the_wire_are_what_the_encoding_says() -> None:
    request = PredictRequest()
    request.model_spec.name = "m"
    request.model_spec.version.value = 7
    request.inputs["x"].dtype = 1
    # https://protobuf.dev/programming-guides/encoding/: tag = number << 3 | wire type, length, contents
    model_spec = b"\x0a\x07" + b"\x0a\x01m" + b"\x12\x02\x08\x07"
    inputs = b"\x12\x07" + b"\x0a\x01x" + b"\x12\x02\x08\x01"
    assert request.SerializeToString(deterministic=True) == model_spec + inputs


def test_map_entries_come_in_the_order_of_their_keys() -> None:
    one, other = PredictRequest(), PredictRequest()
    for name in "abcdefgh":
        one.inputs[name].dtype = 1
    for name in "hgfedcba":
        other.inputs[name].dtype = 1
    assert one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)


def test_fields_that_are_not_described_survive() -> None:
    unknown = b"\x82\x06\x03abc"  # field 96, length-delimited
    assert PredictResponse.FromString(unknown).SerializeToString() == unknown


def test_an_empty_message_is_an_empty_model() -> None:
    assert len(SavedModel.FromString(b"").meta_graphs) == 0
