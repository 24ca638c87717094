"""Trials as columns: the input of every estimator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from perfgate.metrics import Source
from perfgate.stats.capacities import Capacities
from perfgate.trials import Arm, Block, Depth, Lane, ReplicaFacts, State, Trial

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ARMS: tuple[Arm, ...] = (Arm.BASELINE, Arm.CANDIDATE)
SOURCES: tuple[Source, ...] = (Source.EXECUTE, Source.REQUEST, Source.LOAD, Source.OPS)
STATES: tuple[State, ...] = tuple(State)
_NOT_SAMPLED = float("nan")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Columns:
    """One row a trial; the last three columns have one row a request, in the order of the trials. Never written to."""

    source: Ints
    """Index into `SOURCES`."""
    state: Ints
    """Index into `STATES`."""
    block: Ints
    arm: Ints
    """Index into `ARMS`."""
    replica: Ints
    wall_s: Floats
    cpu_ms: Floats
    rss_mb: Floats
    """At the end of the trial; NaN if memory was not sampled, like the next two."""
    rss_peak_mb: Floats
    pss_mb: Floats
    queue_ms: Floats
    """Mean over the trial's requests; NaN if the server reported no stage times."""
    encode_ms: Floats
    batch_size: Floats
    context_switches: Floats
    """Over the trial, voluntary and involuntary; NaN if they were not counted."""
    page_faults: Floats
    requests: Ints
    """Number of requests of the trial."""
    unrecorded: Ints
    """Number of unrecorded requests of its visit before them."""
    payload: Ints
    """Number of the single recorded request that the trial sent; -1 if it sent several, or if unknown."""
    service_ms: Floats
    response_ms: Floats
    status: NDArray[np.int8]

    @staticmethod
    def of(trials: Sequence[Trial]) -> Columns:
        """Turn trials into columns."""
        memory, usage = [trial.memory for trial in trials], [trial.usage for trial in trials]
        return Columns(
            source=_ints(SOURCES.index(_source(trial)) for trial in trials),
            state=_ints(STATES.index(trial.state) for trial in trials),
            block=_ints(trial.block for trial in trials),
            arm=_ints(ARMS.index(trial.arm) for trial in trials),
            replica=_ints(trial.replica for trial in trials),
            wall_s=_floats(trial.wall_s for trial in trials),
            cpu_ms=_floats(trial.cpu_ms for trial in trials),
            rss_mb=_floats(_NOT_SAMPLED if m is None else m.rss_mb for m in memory),
            rss_peak_mb=_floats(_NOT_SAMPLED if m is None else m.rss_peak_mb for m in memory),
            pss_mb=_floats(_NOT_SAMPLED if m is None else m.pss_mb for m in memory),
            queue_ms=_floats(_stage_mean(trial, "queue_ms") for trial in trials),
            encode_ms=_floats(_stage_mean(trial, "encode_ms") for trial in trials),
            batch_size=_floats(_stage_mean(trial, "batch_size") for trial in trials),
            context_switches=_floats(
                _NOT_SAMPLED if u is None else u.voluntary_switches + u.involuntary_switches for u in usage
            ),
            page_faults=_floats(_NOT_SAMPLED if u is None else u.minor_faults + u.major_faults for u in usage),
            requests=_ints(trial.requests.status.size for trial in trials),
            unrecorded=_ints(trial.unrecorded for trial in trials),
            payload=_ints(-1 if trial.payload is None else trial.payload for trial in trials),
            service_ms=np.concatenate([np.empty(0), *(trial.requests.service_ms for trial in trials)]),
            response_ms=np.concatenate([np.empty(0), *(trial.requests.response_ms for trial in trials)]),
            status=np.concatenate([np.empty(0, np.int8), *(trial.requests.status for trial in trials)]),
        )

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which requests failed."""
        return np.not_equal(self.status, 0)

    @staticmethod
    def joined(parts: Sequence[Columns]) -> Columns:
        """Concatenate the rows of several parts; at least one part."""
        return Columns(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Columns)))


def _source(trial: Trial) -> Source:
    if trial.depth is not Depth.REQUEST:
        return Source.EXECUTE if trial.depth is Depth.EXECUTE else Source.OPS
    return Source.LOAD if trial.lane is Lane.LOAD else Source.REQUEST


def _stage_mean(trial: Trial, stage: str) -> float:
    return _NOT_SAMPLED if trial.requests.stages is None else known_mean(getattr(trial.requests.stages, stage))


def known_mean(values: Floats) -> float:
    """Return the mean of the known values; NaN if there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else _NOT_SAMPLED


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int64)


def _floats(values: Iterable[float]) -> Floats:
    return np.fromiter(values, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class TrialTable:
    """Everything measured so far, and what is known of the replicas and models."""

    columns: Columns
    replicas: tuple[ReplicaFacts, ...] = ()
    sizes_mb: Mapping[Arm, float] = field(default_factory=dict)
    """Size of each arm's model files, in MiB."""
    shares: tuple[float, ...] = ()
    """Share of the traffic of each recorded request, by its number; empty: by frequency of visits."""
    capacities: Capacities | None = None
    """What the search for a capacity found; None without one, and for runs read from their files."""

    @staticmethod
    def of(
        trials: Sequence[Trial],
        replicas: Sequence[ReplicaFacts] = (),
        sizes_mb: Mapping[Arm, float] | None = None,
        shares: Sequence[float] = (),
    ) -> TrialTable:
        """Make a table of all trials at once."""
        return TrialTable(Columns.of(trials), tuple(replicas), dict(sizes_mb or {}), tuple(shares))

    def extended(self, trials: Sequence[Trial]) -> TrialTable:
        """Make a table with more trials; for adding block after block `TrialLog` copies less."""
        return replace(self, columns=Columns.joined((self.columns, Columns.of(trials))))


class TrialLog:
    """Collects blocks as they arrive; a block costs microseconds, a table a few milliseconds."""

    def __init__(
        self,
        replicas: Sequence[ReplicaFacts] = (),
        sizes_mb: Mapping[Arm, float] | None = None,
        shares: Sequence[float] = (),
    ) -> None:
        self._replicas, self._shares = tuple(replicas), tuple(shares)
        self._sizes_mb = dict(sizes_mb or {})
        self._parts: list[Columns] = [Columns.of(())]

    def append(self, block: Block) -> None:
        """Add the trials of one block."""
        self._parts.append(Columns.of(block.trials))

    def table(self) -> TrialTable:
        """Return the table of all blocks so far."""
        self._parts = [Columns.joined(self._parts)]
        return TrialTable(self._parts[0], self._replicas, self._sizes_mb, self._shares)
