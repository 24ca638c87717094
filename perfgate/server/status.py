"""Errors as responses: a gRPC status code with TF-Serving's message."""

from __future__ import annotations

import re
from typing import Any

import grpc

BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


class StatusError(Exception):
    """An error that is returned as a gRPC status."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> StatusError:
    """Return the most common of them: INVALID_ARGUMENT."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


_PREFACE = re.compile(r"Graph execution error:\n.*?^Node: [^\n]*\n", re.DOTALL | re.MULTILINE)


def of_graph(error: Any) -> StatusError:
    """Convert one of TensorFlow's OpErrors, without the Python stack that no server in C++ would show."""
    return StatusError(BY_NUMBER[error.error_code], _PREFACE.sub("", error.message, count=1))
