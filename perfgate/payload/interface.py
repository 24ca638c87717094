"""What a scenario's requests look like to those who send them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordedPayload:
    """Requests made once and sent again and again, the same bytes in every run."""

    requests: tuple[bytes, ...]
    """Serialised `tensorflow.serving.PredictRequest` messages."""
    digest: str
    """`sha256:…` over all requests, each led by its length as eight little-endian bytes."""
