from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
