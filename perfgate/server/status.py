"""Answers that are errors: a gRPC status code with TF-Serving's words."""

from __future__ import annotations

import re
from typing import Any

import grpc

BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


class StatusError(Exception):
    """An answer that is a gRPC status."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> StatusError:
    """Make the commonest of them: INVALID_ARGUMENT."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


_PREFACE = re.compile(r"Graph execution error:\n.*?^Node: [^\n]*\n", re.DOTALL | re.MULTILINE)


def of_graph(error: Any) -> StatusError:
    """Make one of TensorFlow's OpError, without the stack of Python that no server in C++ would tell."""
    return StatusError(BY_NUMBER[error.error_code], _PREFACE.sub("", error.message, count=1))
