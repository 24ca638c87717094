"""What both ends of a gRPC connection agree on: status numbers, and the frame of a message.

Sources: https://grpc.github.io/grpc/core/md_doc_statuscodes.html and
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import struct

# Plain numbers, for the load generator compares them once a request; `perfgate.trials.STATUS_NAMES` has the words.
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
"""Before each message: a flag that it is compressed, and its length."""


def frame(message: bytes) -> bytes:
    """Put an uncompressed message into its frame."""
    return PREFIX.pack(0, len(message)) + message
