"""What S3 offers beyond the operations that all fsspec file systems share: writes under a condition."""

from __future__ import annotations

import errno
from typing import Any

import fsspec

PROTOCOLS = ("s3", "s3a")
_TIMEOUTS = {"connect_timeout": 5, "read_timeout": 30, "retries": {"mode": "standard", "total_max_attempts": 2}}
"""An endpoint that does not answer is reported within minutes; botocore's and s3fs's defaults multiply to far more."""
_ATTEMPTS = 2


def options(url: str) -> dict[str, Any]:
    """Return s3fs's options for a URL, with short timeouts where fsspec's configuration sets none; empty without S3."""
    if url.partition("://")[0] not in PROTOCOLS:
        return {}
    configured: dict[str, Any] = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
    return {"config_kwargs": _TIMEOUTS | configured}


def is_s3(fs: Any) -> bool:  # noqa: ANN401 - fsspec has no types
    """Return whether it is s3fs's file system; if so, it is told not to repeat what botocore has repeated."""
    protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
    if not set(PROTOCOLS).intersection(protocols):
        return False
    fs.retries = _ATTEMPTS
    return True


def etag(fs: Any, path: str) -> str | None:  # noqa: ANN401 - fsspec has no types
    """Return what identifies an object's content, None if there is no object."""
    bucket, key, _ = fs.split_path(path)
    try:
        return str(fs.call_s3("head_object", Bucket=bucket, Key=key)["ETag"])
    except FileNotFoundError:
        return None


def put_if(fs: Any, path: str, data: bytes, seen: str | None) -> bool:  # noqa: ANN401 - fsspec has no types
    """Write an object if its ETag is still `seen`, or if there is still none; return whether that was so.

    A server without conditional writes writes in any case.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    condition = {"IfNoneMatch": "*"} if seen is None else {"IfMatch": seen}
    try:
        fs.pipe_file(path, data, **condition)
    except OSError as error:
        if _code(error) in {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}:
            return False
        if error.errno != errno.ENOSYS:
            raise
        fs.pipe_file(path, data)
    return True


def no_bucket(error: BaseException) -> bool:
    """Return whether a request failed because its bucket does not exist."""
    return _code(error) == "NoSuchBucket"


def no_s3(error: BaseException) -> bool:
    """Return whether a server that is not S3 answered that there is nothing; S3 always says what is missing."""
    return _code(error) == "404"


def _code(error: BaseException) -> str:
    """Return S3's own name of an error, which s3fs has turned into an OSError."""
    response: dict[str, Any] = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
