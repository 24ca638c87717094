"""Messages of real refusals, and the reasons extracted from them."""

from __future__ import annotations

import pytest

from perfgate.serving.reasons import load_remedy, refusal, remedy_of, why
from perfgate.trials import STATUS_NAMES

_STACK = " ".join(f"[[{{{{node functional_1/layer_{number}/MatMul}}}}]]" for number in range(40))
# tensorflow/core/common_runtime/placer.cc and tensorflow/core/framework/op_kernel.cc
_GPU = (
    f"{_STACK} Cannot assign a device for operation W: {{{{node W}}}} was explicitly assigned to /device:GPU:0 but "
    f"available devices are [ /job:localhost/task:0/device:CPU:0 ]. Make sure the device specification {_STACK}"
)
_KERNEL = (
    f"{_STACK} No OpKernel was registered to support Op 'CudnnRNN' used by {{{{node rnn}}}} with these attrs: [d=0]\n"
    f"Registered devices: [CPU]\nRegistered kernels:\n  <no registered kernels>\n {_STACK}"
)
_OP = f"{_STACK} Op type not registered 'SentencepieceOp' in binary running on host. Make sure it is {_STACK}"


@pytest.mark.parametrize(
    ("words", "reason", "remedy"),
    [
        (_GPU, "explicitly assigned to /device:GPU:0", "clear_devices=True"),
        (_KERNEL, "No OpKernel was registered to support Op 'CudnnRNN'", "no CPU kernel"),
        (_OP, "Op type not registered 'SentencepieceOp'", "a package that the server does not load"),
        (f"{_STACK} at last the reason", "at last the reason", "perfgate inspect"),
        ("the reason at first " + _STACK, "the reason at first", "perfgate inspect"),
        ("short", "short", "perfgate inspect"),
    ],
)
def test_the_reason_is_said_whatever_its_place(words: str, reason: str, remedy: str) -> None:
    assert reason in why(words)
    assert len(why(words)) <= 300
    assert remedy in load_remedy(words)


@pytest.mark.parametrize(
    ("status", "message", "remedy"),
    [
        (3, "Could not parse example input, value: 'abc'", "payload.source"),
        (3, "Error parsing serialized example", "payload.source"),
        (9, "Error while reading resource variable w. This could mean that it was uninitialized.", "initialises it"),
        (3, "Matrix size-incompatible", "[payload]"),
        (3, "indices[0,0] = 54 is not in [0, 39)", "[payload.inputs.NAME]"),
        (4, "", "load.deadline_s"),
        (5, "Servable not found for request: Latest(x)", "target.model_name"),
        (8, "SERVER: Received message larger than max (5 vs. 4)", "larger messages"),
        (8, "OOM when allocating tensor", "payload.batch_size"),
        (12, "", "target.protocol"),
        (12, 'grpc: Decompressor is not installed for grpc-encoding "gzip"', "grpc-encoding"),
        (3, "Cannot read the request body: Can not decode content-encoding: gzip", "Content-Encoding"),
        (13, "ValueError: callback pyfunc_0 is not found", "Python functions"),
        (14, "connection refused", "that the server is running"),
        (16, "", "target.metadata"),
        (2, "", "the server's log"),
    ],
)  # fmt: skip
def test_each_status_has_a_remedy_of_its_own(status: int, message: str, remedy: str) -> None:
    assert remedy in remedy_of(status, message)


def test_a_refusal_is_one_line_that_prints() -> None:
    said = refusal(13, "Traceback:\n  File x\n\0\x1b[31mred\u202e")
    assert said.startswith("INTERNAL: Traceback: File x")
    assert said.isprintable()
    assert refusal(4, "") == "DEADLINE_EXCEEDED"
    assert [refusal(number, "") for number in range(17)] == list(STATUS_NAMES)
    assert refusal(99, "x") == "status 99: x"
