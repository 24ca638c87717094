"""Realistic trials, blocks and a latency curve, from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from perfgate.results.result import BlockColumns, TrialColumns
from perfgate.stats.summary import Curve
from perfgate.trials import Arm

_SEGMENTS = (
    ("cost", "execute", 9.0, 27.0, 0.7),
    ("cost", "request", 36.0, 9.0, 0.2),
    ("load", "request", 45.0, 9.0, 0.1),
)


def trials(rng: np.random.Generator, rows: int, changes: dict[str, float]) -> TrialColumns:
    parts: list[dict[str, list[Any]]] = []
    for lane, depth, begin_s, length_s, portion in _SEGMENTS:
        count = max(24, round(rows * portion) // 24 * 24)
        parts.append(_segment(rng, lane, depth, begin_s + np.sort(rng.uniform(0, length_s, count)), changes))
    return TrialColumns(**{name: tuple(v for part in parts for v in part[name]) for name in parts[0]})


def _segment(
    rng: np.random.Generator, lane: str, depth: str, start_s: np.ndarray, changes: dict[str, float]
) -> dict[str, list[Any]]:
    count = len(start_s)
    candidate = rng.permuted(np.tile([False, True], count // 2))
    loaded = lane == "load"
    slower = 1 + changes.get("execute_ms" if depth == "execute" else "service_mean_ms", 0.0) * candidate
    center = {"execute": 1.92, "request": 2.61}[depth] * (1.65 if loaded else 1.0)
    spikes = np.where(rng.uniform(size=count) < 0.01, rng.uniform(2, 12, count), 1.0)
    drift = 1 + 0.05 * np.sin(start_s / 6)
    mean_ms = center * slower * drift * rng.lognormal(0, 0.05, count) * spikes
    requests = rng.integers(180, 220, count) if loaded else np.ones(count, int)
    memory_mb = 312 + 12 * candidate + rng.normal(0, 1.5, count) + 0.05 * start_s
    return {
        "lane": [lane] * count,
        "depth": [depth] * count,
        "block": (np.arange(count) // 24).tolist(),
        "arm": np.where(candidate, "candidate", "baseline").tolist(),
        "replica": rng.integers(0, 12, count).tolist(),
        "start_s": start_s.tolist(),
        "wall_s": (mean_ms * requests / 1000).tolist(),
        "requests": requests.tolist(),
        "errors": [0] * count,
        "service_mean_ms": mean_ms.tolist(),
        "response_p50_ms": (mean_ms * 0.97).tolist(),
        "response_max_ms": (mean_ms * rng.uniform(1.1, 3, count) if loaded else mean_ms).tolist(),
        "cpu_ms": (mean_ms * 0.98 / spikes**0.5 * requests).tolist(),
        "rss_mb": memory_mb.tolist() if loaded else [None] * count,
        "pss_mb": (memory_mb - 216).tolist() if loaded else [None] * count,
        "uss_mb": (memory_mb - 240).tolist() if loaded else [None] * count,
        "queue_ms": (0.2 * mean_ms).tolist() if loaded else [None] * count,
        "execute_ms": (0.6 * mean_ms).tolist() if loaded else [None] * count,
        "encode_ms": (0.02 * mean_ms).tolist() if loaded else [None] * count,
        "batch_size": [14.5 if loaded else None] * count,
        "context_switches": (3.1 * requests).tolist() if loaded else [None] * count,
        "page_faults": (0.4 * requests).tolist() if loaded else [None] * count,
        "throttled_ms": [0.0 if loaded else None] * count,
        "response_p99_ms": (mean_ms * 1.8).tolist() if loaded else [None] * count,
    }


def blocks(rng: np.random.Generator, trials: TrialColumns) -> BlockColumns:
    first = [i for i in range(len(trials.block)) if i == 0 or trials.block[i] != trials.block[i - 1]]
    steal = np.where(rng.uniform(size=len(first)) < 0.1, rng.uniform(0, 0.08, len(first)), 0.0)
    return BlockColumns(
        lane=tuple(trials.lane[i] for i in first),
        depth=tuple(trials.depth[i] for i in first),
        block=tuple(trials.block[i] for i in first),
        start_s=tuple(trials.start_s[i] for i in first),
        wall_s=tuple(0.1 for _ in first),
        steal_share=tuple(steal.tolist()),
        cpu_pressure_share=tuple(rng.beta(1.3, 9, len(first)).tolist()),
    )


def curve(rng: np.random.Generator, arm: Arm, factor: float) -> Curve:
    count = 2210
    latency_ms = np.sort(
        4.31 * factor * rng.lognormal(0, 0.28, count) * np.where(rng.uniform(size=count) < 0.012, 3, 1)
    )
    kept = np.unique(np.concatenate([np.linspace(0, count - 1, 300).astype(int), np.arange(count - 40, count)]))
    return Curve(arm, count, tuple(latency_ms[kept].tolist()), tuple(((kept + 1) / count).tolist()))


def only(trials: TrialColumns, arm: Arm) -> TrialColumns:
    keep = [i for i, each in enumerate(trials.arm) if each == arm]
    names = TrialColumns.__dataclass_fields__
    return TrialColumns(**{name: tuple(getattr(trials, name)[i] for i in keep) for name in names})
