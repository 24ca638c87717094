"""What client and server of a gRPC connection share: status numbers, and the frame of a message.

Sources: https://grpc.github.io/grpc/core/md_doc_statuscodes.html and
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import struct

# Plain numbers: the load generator compares them once a request. Their names are `perfgate.trials.STATUS_NAMES`.
OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16

PREFIX = struct.Struct(">BI")
"""Precedes each message: a flag for compression, and its length."""


def frame(message: bytes) -> bytes:
    """Frame an uncompressed message."""
    return PREFIX.pack(0, len(message)) + message
