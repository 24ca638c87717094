"""Errors of stores, and of the libraries that reach them, as one line with a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from perfgate.baseline import s3
from perfgate.errors import PerfgateError, UsageError

_REMEDIES = {
    "NoCredentialsError": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "PartialCredentialsError": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "ProfileNotFound": "set AWS_PROFILE to a profile of ~/.aws/config, or unset it",
    "EndpointConnectionError": "check the network and AWS_ENDPOINT_URL",
    "ConnectTimeoutError": "check the network and AWS_ENDPOINT_URL",
    "ReadTimeoutError": "check the network and AWS_ENDPOINT_URL",
    "ConnectionClosedError": "check the network and AWS_ENDPOINT_URL",
    "PermissionError": "check the credentials and what they permit",
}
"""By the name of the error's class: botocore, which defines most of them, is imported only with s3fs."""


@contextmanager
def explained(doing: str, *, is_local: bool) -> Iterator[None]:
    """Turn what a remote store's library raises into a UsageError; FileNotFoundError passes, except for a bucket."""
    try:
        yield
    except (PerfgateError, NotImplementedError):
        raise
    except FileNotFoundError as error:
        if s3.no_bucket(error):
            raise UsageError(f"cannot {doing}: the bucket does not exist", "create it, or correct --store") from error
        if s3.no_s3(error):
            raise UsageError(
                f"cannot {doing}: the endpoint answers 404, not as S3 does", "check AWS_ENDPOINT_URL"
            ) from error
        raise
    except Exception as error:
        if is_local:
            raise
        raise UsageError(f"cannot {doing}: {in_words(error)}", _remedy(error)) from error


def missing_package(url: str, error: ImportError) -> UsageError:
    """Explain a scheme whose fsspec package is not installed."""
    if url.partition("://")[0] in s3.PROTOCOLS:
        return UsageError(f"store {url}: s3fs is not installed", "run python -m pip install s3fs")
    return UsageError(f"store {url}: {error}", "install the fsspec package for this scheme")


def in_words(error: Exception) -> str:
    """Return an error's text in one line, without its number."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(str(text).split()) or type(error).__name__


def _remedy(error: Exception) -> str:
    return _REMEDIES.get(type(error).__name__, "check --store, the network and your permissions")
