"""Stage times of a request, reported in `server-timing`: trailing metadata over gRPC, headers over REST."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Stage times of one request."""

    queue_ms: float
    """From the arrival of the request, excluding its decoding, to the start of its batch or execution."""
    execute_ms: float
    encode_ms: float
    batch_size: int
    """Rows of the batch in which the request was executed, without padding."""

    def waited(self, wait_ms: float) -> StageTimes:
        """Add time that the request waited for a thread."""
        return StageTimes(self.queue_ms + wait_ms, self.execute_ms, self.encode_ms, self.batch_size)

    def encoded(self, encode_ms: float) -> StageTimes:
        """Add the time taken to write the response."""
        return StageTimes(self.queue_ms, self.execute_ms, encode_ms, self.batch_size)

    def server_timing(self) -> str:
        """Format them as a `Server-Timing` value (https://www.w3.org/TR/server-timing/), milliseconds."""
        return (
            f"queue;dur={self.queue_ms:.3f}, execute;dur={self.execute_ms:.3f}, "
            f"encode;dur={self.encode_ms:.3f}, batch;desc={self.batch_size}"
        )
