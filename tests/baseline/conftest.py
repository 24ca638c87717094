from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from perfgate.baseline.record import MetricSummary, Record, StoredModel

MakeRecord = Callable[..., Record]


def record(**changes: Any) -> Record:
    digest = changes.pop("model_digest", "sha256:" + "ab" * 32)
    fields: dict[str, Any] = {
        "name": "prod",
        "created_utc": "2026-02-03T04:05:06.789+00:00",
        "scenario_name": "ranking",
        "scenario_digest": "sha256:aa",
        "payload_digest": "sha256:bb",
        "model": StoredModel("models/ranking/1", digest, 1234, changes.pop("artifact", None)),
        "fingerprint": "0123456789abcdef",
        "environment": {"cpu_model": "AMD EPYC", "cores": 2.0},
        "metrics": {"execute_ms": MetricSummary(1.5, (1.4, 1.6)), "latency_p999_ms": MetricSummary(None, (), "few")},
        "seed": 7,
        "perfgate_version": "0.1.0",
        "run_id": "r1",
    }
    return Record(**{**fields, **changes})


def digest_of(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    whole = "".join(f"{file.relative_to(folder)}:{file.read_text(encoding='utf-8')};" for file in files)
    return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def model(folder: Path, content: str = "weights") -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text("graph", encoding="utf-8")
    (folder / "variables" / "variables.index").write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def make_record() -> MakeRecord:
    return record


@pytest.fixture
def make_model() -> Callable[..., Path]:
    return model


@pytest.fixture
def digest() -> Callable[[Path], str]:
    return digest_of


_buckets = itertools.count()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A real HTTP server on loopback that speaks S3."""
    program = [sys.executable, str(Path(__file__).with_name("s3_server.py"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


@pytest.fixture
def s3_environment(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a user sets to reach it, and nothing of this machine's own settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in {"ENDPOINT_URL": s3_endpoint, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def bucket(s3_environment: None) -> Iterator[str]:  # noqa: ARG001 - sets it up
    """A new bucket's URL."""
    name = f"bucket-{next(_buckets)}"
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    system.mkdir(name)
    yield f"s3://{name}"
    fsspec.get_filesystem_class("s3").clear_instance_cache()
