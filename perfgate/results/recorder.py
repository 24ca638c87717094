"""Recording of a run on disk as it goes: samples block by block, and result.json when it begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from perfgate.capacity.answer import CapacityAnswer
from perfgate.errors import UsageError
from perfgate.experiment.timeline import ThreadTime, Timeline
from perfgate.loadgen.load_worker import LoadWorker
from perfgate.results import document, samples
from perfgate.results.result import Result
from perfgate.stats.capacities import Capacities
from perfgate.stats.table import TrialLog, TrialTable
from perfgate.trials import Arm, Block, Caution, ReplicaFacts


@dataclass(frozen=True, slots=True, eq=False)
class RecordedRun:
    """Everything that a run has measured so far."""

    begun: Result
    """The result as known at the beginning, with phases, cautions and timeline since."""
    replicas: tuple[ReplicaFacts, ...]
    blocks: tuple[Block, ...]
    table: TrialTable


class Recorder:
    """One run's directory; a crash loses at most the block being measured."""

    def __init__(self, begun: Result, directory: Path) -> None:
        self.directory = directory
        self._begun = begun
        self._blocks: list[Block] = []
        self.replicas: tuple[ReplicaFacts, ...] = ()
        self._capacities: Capacities | None = None
        self._log = self._new_log()

    def _new_log(self) -> TrialLog:
        sizes_mb = {Arm(arm): facts.size_mb for arm, facts in self._begun.models.items() if facts.size_mb > 0}
        return TrialLog(self.replicas, sizes_mb, self._begun.payload_shares)

    def __enter__(self) -> Self:
        """Write what is known before anything is measured; UsageError if the directory cannot be written."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            document.write(self._begun, self.directory)
            self._samples = samples.SampleWriter(self.directory / samples.FILE_NAME)
        except OSError as error:
            raise not_writable(self.directory, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the samples."""
        self._samples.close()

    def replicas_are(self, facts: tuple[ReplicaFacts, ...]) -> None:
        """Record what is known about the replicas since their start."""
        self.replicas = facts
        self._log = self._new_log()

    def phase_took(self, name: str, seconds: float) -> None:
        """Record a phase's wall time."""
        self._begun = replace(self._begun, phases_s={**self._begun.phases_s, name: seconds})

    def note(self, cautions: tuple[Caution, ...]) -> None:
        """Record cautions that are known already."""
        self._begun = replace(self._begun, cautions=(*self._begun.cautions, *cautions))

    def watched(self, timeline: Timeline, threads: tuple[ThreadTime, ...]) -> None:
        """Record what was observed of the servers over the load lane."""
        self._begun = replace(self._begun, timeline=timeline, threads=threads)

    def searched(self, capacities: Capacities, answer: CapacityAnswer | None) -> None:
        """Record what the search for a capacity found; no answer if it ended too early for one."""
        self._capacities = capacities
        self._begun = replace(self._begun, capacity=answer)

    def load_came_from(self, workers: tuple[LoadWorker, ...]) -> None:
        """Record what is known of load workers on other nodes."""
        self._begun = replace(self._begun, load_workers=workers)

    def append(self, block: Block) -> None:
        """Record a block, in memory and on disk."""
        self._blocks.append(block)
        self._samples.append(block)
        self._log.append(block)

    def table(self) -> TrialTable:
        """Return the trials so far as the table for estimators."""
        return replace(self._log.table(), capacities=self._capacities)

    def recorded(self) -> RecordedRun:
        """Return everything recorded so far."""
        return RecordedRun(self._begun, self.replicas, tuple(self._blocks), self.table())


def not_writable(directory: Path, error: OSError) -> UsageError:
    """Return a UsageError for a run's directory that the system cannot write."""
    return UsageError(f"cannot write to {directory}: {error.strerror or error}", "choose another directory with --out")
