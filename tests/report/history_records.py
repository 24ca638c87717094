"""Records of a name over time, for tests of its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from perfgate.baseline.record import MetricSummary, Record, StoredModel

BEGIN = datetime(2026, 1, 3, 4, 5, tzinfo=UTC)


def record(day: int, metrics: Mapping[str, float | None], **changes: Any) -> Record:
    fields: dict[str, Any] = {
        "name": "prod",
        "created_utc": (BEGIN + timedelta(days=day)).isoformat(timespec="milliseconds"),
        "scenario_name": "ranking",
        "scenario_digest": "sha256:" + "5c" * 32,
        "payload_digest": "sha256:" + "bb" * 32,
        "model": StoredModel(f"models/{day}", f"sha256:{day:064x}", 2**20, None),
        "fingerprint": "0123456789abcdef",
        "environment": {"cpu_model": "AMD EPYC", "cores": 2.0},
        "metrics": {name: MetricSummary(value) for name, value in metrics.items()},
        "seed": 7,
        "perfgate_version": "0.1.0",
        "run_id": f"run-{day}",
    }
    return Record(**{**fields, **changes})


def records(series: Mapping[str, Sequence[float | None]], **changes: Any) -> tuple[Record, ...]:
    """Make one record a day; if a series has None, the record has no number."""
    count = max(len(values) for values in series.values())
    return tuple(
        record(day, {name: values[day] for name, values in series.items() if day < len(values)}, **changes)
        for day in range(count)
    )


def step(count: int, at: int, size: float, level: float = 2.0, *, spread: float = 0.01, seed: int = 1) -> list[float]:
    """Make values about a level that rises by the share `size` from index `at` on."""
    noise = np.random.default_rng(seed).normal(0, spread, count)
    rise = np.where(np.arange(count) >= at, np.log1p(size), 0.0)
    return [float(value) for value in level * np.exp(noise + rise)]
