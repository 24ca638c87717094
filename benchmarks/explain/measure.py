"""One pair of models explained, as a row."""

from __future__ import annotations

import os
import secrets
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from perfgate.cli.interrupts import INTERRUPTS
from perfgate.explain.explanation import Explanation, Interval
from perfgate.metrics import BY_NAME
from perfgate.pipeline.explain import explained
from perfgate.pipeline.host import Host
from perfgate.pipeline.ops import block_of
from perfgate.pipeline.options import Options
from perfgate.pipeline.trace import TracedRun
from perfgate.results.progress import SilentProgress
from perfgate.stats.estimate import estimate
from perfgate.stats.table import TrialTable
from perfgate.trials import Conditions, Trial
from tests.explain.faults.pairs import Pair

METRIC = "changed_ops_ms"
ALPHA = 0.01
_UNKNOWN = Conditions(nan, nan)


@dataclass(frozen=True, slots=True)
class Row:
    """What one explanation found."""

    pair: str
    expected: str
    seed: int
    causes: tuple[str, ...]
    """Codes, in order."""
    first: str
    """Sentence of the first cause."""
    first_ops: tuple[str, ...]
    execute_ms: tuple[float, float] | None
    change_ms: Interval | None
    parts_ms: dict[str, Interval]
    overhead: Interval | None
    metric: Interval | None
    """`changed_ops_ms` with its two one-sided 99% bounds; None if no operation differs."""
    executions: int
    trace_s: float
    wall_s: float

    def as_dict(self) -> dict[str, object]:
        """As plain data."""
        return asdict(self)

    @property
    def rank(self) -> int | None:
        """Place of the expected cause, from 1; None if it is missing."""
        return self.causes.index(self.expected) + 1 if self.expected in self.causes else None


def measure(pair: Pair, home: Path, seed: int, seconds: float) -> Row:
    """Explain a pair that was built below `home`."""
    began_s = time.perf_counter()
    options = Options(
        scenarios=(str(pair.scenario_file),), budget=seconds, replicas=None, seed=seed, out=None,
        intra_op_threads=None, inter_op_threads=None, cpus=None, driver_cpus=None,
        as_json=False, quiet=True, verbose=False,
    )  # fmt: skip
    host = _host()
    old, new = (str(home / pair.name / side) for side in ("old", "new"))
    (comparison,) = options.comparisons(host, baseline=old, candidate=new)
    with TemporaryDirectory() as out:
        explanation, traced = explained(comparison, options, host, Path(out))
    return _row(pair, seed, explanation, traced, time.perf_counter() - began_s)


def _row(pair: Pair, seed: int, found: Explanation, traced: TracedRun | None, wall_s: float) -> Row:
    attribution, first = found.attribution, found.causes[0] if found.causes else None
    return Row(
        pair=pair.name,
        expected=pair.expected,
        seed=seed,
        causes=tuple(cause.code for cause in found.causes),
        first=first.sentence if first else "",
        first_ops=first.ops[:5] if first else (),
        execute_ms=attribution.execute_ms if attribution else None,
        change_ms=attribution.change_ms if attribution else None,
        parts_ms={part.name: part.change_ms for part in attribution.parts} if attribution else {},
        overhead=attribution.tracing_overhead if attribution else None,
        metric=metric_of(traced) if traced else None,
        executions=attribution.executions if attribution else 0,
        trace_s=attribution.seconds if attribution else 0.0,
        wall_s=wall_s,
    )


def metric_of(traced: TracedRun) -> Interval | None:
    """Return `changed_ops_ms` as a run's gate estimates it; None if no operation differs."""
    trace = traced.trace
    if not trace.compared.differs.any():
        return None
    size = len({(visit.arm, visit.replica) for visit in trace.visits})
    trials: list[Trial] = []
    for index in range(len(trace.visits) // size):
        part = slice(index * size, (index + 1) * size)
        trials += block_of(index, trace.visits[part], trace.rows[part], trace.compared, _UNKNOWN).trials
    effect = estimate(BY_NAME[METRIC], TrialTable.of(trials), ALPHA, cross_check=False)
    return Interval(effect.change, effect.lower, effect.upper) if effect else None


def _host() -> Host:
    return Host(
        environ=os.environ,
        arguments=(),
        now=lambda: datetime.now(UTC),
        clock=time.perf_counter,
        random_bits=secrets.randbits,
        cpus=lambda: os.sched_getaffinity(0),
        use_cpus=lambda _: None,
        interrupts=INTERRUPTS,
        progress=SilentProgress,
        console=Console(stderr=True),
        stdout=sys.stdout,
        stderr=sys.stderr,
    )
