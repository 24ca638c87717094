"""Why a server or a model refuses, in one line, with a remedy: from gRPC statuses and TensorFlow's messages."""

from __future__ import annotations

import re

from perfgate.protocols import grpc
from perfgate.sanitize import one_line
from perfgate.trials import status_name

_MOST_CHARACTERS = 300

_NO_PYTHON = "TensorFlow servers cannot run Python functions: export it without tf.py_function and numpy_function"
# TensorFlow's messages with the reason somewhere in the middle, and remedies.
_DEVICE = re.compile(
    r"Cannot assign a device for operation [^:]+: .*?explicitly assigned to (\S+) but available devices are \[[^\]]*\]"
)
_KERNEL = re.compile(r"No OpKernel was registered to support Op '([^']+)'(?:.*?with these attrs)?[^.]*\.?")
_OP = re.compile(r"Op type not registered '([^']+)'")
_PYTHON = re.compile(r"\w*PyFunc\w* cannot be served: [^.]*")
_LOADING = (
    (_PYTHON, _NO_PYTHON),
    (
        _DEVICE,
        "the model is pinned to a device that this machine lacks: export it with clear_devices=True",
    ),
    (_KERNEL, "this build of TensorFlow has no CPU kernel for this operation: export the model without it"),
    (_OP, "the operation comes from a package that the server does not load: export the model without it"),
)
_EXPORT_AGAIN = "check it with `perfgate inspect`, or export it again"

_PAYLOAD = "check [payload] of the scenario against `perfgate inspect`"
_BY_WORDS = (
    (re.compile(r"not initialized|uninitialized", re.IGNORECASE),
     "export it so that loading initialises it: tables by main_op or as assets, variables by a checkpoint"),
    (re.compile(r"pars(?:e|ing) (?:serialized |example)|example proto", re.IGNORECASE),
     'the signature takes serialized tf.Examples: payload.source = "examples"; `perfgate init` writes a scenario'),
    (re.compile(r"is not in \[0, -?\d+\)"),
     "ids are out of range: give low and high under [payload.inputs.NAME]; `perfgate init` writes a scenario"),
    (re.compile(r"PyFunc|Python function|py_func", re.IGNORECASE), _NO_PYTHON),
    (re.compile(r"message.*(?:too large|larger than)|exceeds.*(?:max|limit)", re.IGNORECASE),
     "use smaller requests, or let the server accept larger messages"),
    (re.compile(r"gzip|deflate|(?:grpc|content)-encoding|compress", re.IGNORECASE),
     "the server cannot read compressed messages: remove grpc-encoding and Content-Encoding from target.metadata"),
)  # fmt: skip
_BY_STATUS = {
    grpc.INVALID_ARGUMENT: _PAYLOAD,
    grpc.DEADLINE_EXCEEDED: "raise load.deadline_s, or use smaller requests",
    grpc.NOT_FOUND: "check target.model_name and the version",
    grpc.PERMISSION_DENIED: "set credentials in target.metadata",
    grpc.RESOURCE_EXHAUSTED: "lower payload.batch_size or load.in_flight, or give the server more memory",
    grpc.FAILED_PRECONDITION: _PAYLOAD,
    grpc.OUT_OF_RANGE: _PAYLOAD,
    grpc.UNIMPLEMENTED: "the server does not know this method: check target.protocol and payload.method",
    grpc.UNAVAILABLE: "check that the server is running, and see its log",
    grpc.UNAUTHENTICATED: "set credentials in target.metadata",
}
_SEE_THE_LOG = "see the server's log and `perfgate inspect`"


def why(text: str) -> str:
    """Return the reason in one printable line: a known sentence from within the message, else both of its ends."""
    found = next((match for pattern, _ in _LOADING if (match := pattern.search(" ".join(text.split())))), None)
    return one_line(text if found is None else found.group(0), _MOST_CHARACTERS)


def load_remedy(text: str) -> str:
    """Return a remedy for a model that does not load."""
    flat = " ".join(text.split())
    return next((remedy for pattern, remedy in _LOADING if pattern.search(flat)), _EXPORT_AGAIN)


def refusal(status: int, message: str) -> str:
    """Describe an error response: its status and message, in one line."""
    words = why(message)
    return f"{status_name(status)}: {words}" if words else status_name(status)


def remedy_of(status: int, message: str = "") -> str:
    """Return a remedy for an error response, by its message if known, else by its status."""
    by_words = (remedy for pattern, remedy in _BY_WORDS if pattern.search(message))
    return next(by_words, _BY_STATUS.get(status, _SEE_THE_LOG))
