"""Keeps a run on disk as it goes: samples block by block, result.json at the beginning and the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from perfgate.errors import UsageError
from perfgate.experiment.watch import ThreadTime, Timeline
from perfgate.gate.looks import Look
from perfgate.gate.verdict import Judgement
from perfgate.report import html
from perfgate.results import document, samples
from perfgate.results.columns import block_columns, trial_columns
from perfgate.results.result import Result
from perfgate.scenario.schema import Load
from perfgate.stats.classes import class_summaries
from perfgate.stats.generator import generator_facts
from perfgate.stats.payload_changes import payload_changes
from perfgate.stats.stages import batch_sizes, stage_summaries
from perfgate.stats.summarise import curves, summarise
from perfgate.stats.table import TrialLog
from perfgate.stats.typical import with_typical
from perfgate.trials import Arm, Block, Caution, ReplicaFacts


class Recording:
    """One run's directory; a crash loses the block being measured at most."""

    def __init__(self, started: Result, directory: Path) -> None:
        self.directory = directory
        self._result = started
        self._classes = tuple(started.scenario.get("classes", {}))
        self._workers = Load.model_validate(started.scenario.get("load", {})).busy_workers
        self._blocks: list[Block] = []
        self.replicas: tuple[ReplicaFacts, ...] = ()
        self.log = self._new_log()

    def _new_log(self) -> TrialLog:
        sizes_mb = {Arm(arm): facts.size_mb for arm, facts in self._result.models.items() if facts.size_mb > 0}
        return TrialLog(self.replicas, sizes_mb, self._result.payload_shares)

    def __enter__(self) -> Self:
        """Write down what is known before anything is measured; UsageError when the directory cannot be written."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            document.write(self._result, self.directory)
            (self.directory / html.FILE_NAME).unlink(missing_ok=True)
            self._samples = samples.SampleWriter(self.directory / samples.FILE_NAME)
        except OSError as error:
            problem = f"cannot write to {self.directory}: {error.strerror or error}"
            raise UsageError(problem, "name another directory with --out") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the samples."""
        self._samples.close()

    @property
    def started(self) -> Result:
        """The result as it is so far, without what is known at its end."""
        return self._result

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks so far."""
        return tuple(self._blocks)

    def replicas_are(self, facts: tuple[ReplicaFacts, ...]) -> None:
        """Keep what is known of the replicas from their start."""
        self.replicas = facts
        self.log = self._new_log()

    def phase_took(self, name: str, seconds: float) -> None:
        """Keep a phase's wall time."""
        self._result = replace(self._result, phases_s={**self._result.phases_s, name: seconds})

    def note(self, cautions: tuple[Caution, ...]) -> None:
        """Keep cautions that are known already."""
        self._result = replace(self._result, cautions=(*self._result.cautions, *cautions))

    def watched(self, timeline: Timeline, threads: tuple[ThreadTime, ...]) -> None:
        """Keep what was seen of the servers over the load lane."""
        self._result = replace(self._result, timeline=timeline, threads=threads)

    def append(self, block: Block) -> None:
        """Keep a block, in memory and on disk."""
        self._blocks.append(block)
        self._samples.append(block)
        self.log.append(block)

    def finish(
        self, judgement: Judgement, looks: tuple[Look, ...], status: str, wall_s: float, cautions: tuple[Caution, ...]
    ) -> Result:
        """Write result.json and the report, and return the result."""
        table = self.log.table()
        trials = tuple(trial for block in self._blocks for trial in block.trials)
        result = replace(
            self._result,
            status=status,
            judgement=judgement,
            summaries=with_typical(summarise(table), table),
            curves=curves(table),
            replicas=self.replicas,
            trials=trial_columns(trials),
            stages=stage_summaries(trials),
            batch_sizes=batch_sizes(trials),
            request_classes=class_summaries(trials, self._classes),
            generator=generator_facts(trials, self._workers),
            blocks=block_columns(self._blocks),
            looks=looks,
            payload_changes=payload_changes(table),
            cautions=(*self._result.cautions, *cautions),
            wall_s=wall_s,
        )
        document.write(result, self.directory)
        # The page is of what was stored, where numbers are rounded: `perfgate report` gives the very same bytes again.
        html.write(document.read(self.directory), self.directory)
        return result
