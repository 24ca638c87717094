"""Meanings of URLs."""

from __future__ import annotations

import pytest

from perfgate.server.rest import paths
from perfgate.server.rest.paths import Route
from perfgate.server.status import StatusError


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/v1/models/m:predict", Route("m", None, None, "predict")),
        ("POST", "/V1/Models/m:classify", Route("m", None, None, "classify")),
        ("POST", "/v1/models/m/versions/12:regress", Route("m", 12, None, "regress")),
        ("POST", "/v1/models/a%2Fb/labels/st%20able:predict", Route("a/b", None, "st able", "predict")),
        ("GET", "/v1/models/m", Route("m", None, None, "status")),
        ("GET", "/v1/models/m/labels/stable", Route("m", None, "stable", "status")),
        ("GET", "/v1/models/m/metadata", Route("m", None, None, "metadata")),
        ("GET", "/v1/models/m/versions/3/metadata", Route("m", 3, None, "metadata")),
    ],
)
def test_urls(method: str, path: str, route: Route) -> None:
    assert paths.parse(method, path) == route


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/v1/models/m:predict", "Malformed request: GET /v1/models/m:predict"),
        ("POST", "/v1/models/m", "Malformed request: POST /v1/models/m"),
        ("PUT", "/v1/models/m", "Malformed request: PUT /v1/models/m"),
        ("POST", "/v1/models/m:PREDICT", "Malformed request: POST /v1/models/m:PREDICT"),
        ("POST", "/v1/models/m/versions/x:predict", "Malformed request: POST /v1/models/m/versions/x:predict"),
        ("POST", "/v1/models/m/versions/1/labels/a:predict", "Malformed request: "),
        ("GET", "/v1/", "Malformed request: GET /v1/"),
        ("GET", "/v1/models", "Missing model name in request."),
        ("GET", f"/v1/models/m/versions/{1 << 63}", f"Failed to convert version: {1 << 63} to numeric."),
        ("GET", f"/v1/models/m/versions/{'9' * 9000}", "Failed to convert version: 9"),
    ],
)
def test_urls_that_mean_nothing(method: str, path: str, words: str) -> None:
    with pytest.raises(StatusError) as refused:
        paths.parse(method, path)
    assert str(refused.value).startswith(words)


def test_other_pages_are_not_ours() -> None:
    assert paths.is_ours("/v1/anything")
    assert not paths.is_ours("/v2/models/m")
    assert not paths.is_ours("/")
