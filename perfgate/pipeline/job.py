"""One run of a prepared comparison."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from perfgate.model.interface import Model
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.prepare import Prepared
from perfgate.results.advice import Advice
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm, Caution


@dataclass(frozen=True, slots=True)
class Job:
    """What to measure, under which name, where, and what is known beforehand."""

    prepared: Prepared
    run_id: str
    command: tuple[str, ...]
    """The command line that repeats this run."""
    seed: int
    out: Path
    created: datetime
    environment: Mapping[str, Any]
    """Facts of the machine and the software."""
    profiles: bool = False
    """Whether to time the operations of a model that is measured alone."""
    stops_early: bool = True
    """Whether a lane ends as soon as everything that it decides is decided; otherwise it takes its whole time."""
    advice: Advice = field(default_factory=Advice)
    """Predictions for this scenario from a calibration, if there is one."""
    cautions: tuple[Caution, ...] = ()
    """Other cautions that are known beforehand."""

    @property
    def comparison(self) -> Comparison:
        """The comparison that is measured."""
        return self.prepared.comparison

    @property
    def scenario(self) -> Scenario:
        """The scenario that is measured."""
        return self.comparison.scenario

    @property
    def models(self) -> Mapping[Arm, Model]:
        """The candidate, and the baseline if it is measured."""
        return self.comparison.models


class Interrupts(Protocol):
    """Handling of interrupts (^C)."""

    @property
    def happened(self) -> bool:
        """Whether ^C was pressed; inside a C library's callback it surfaces as that library's error."""

    def held(self) -> AbstractContextManager[None]:
        """Let the code inside finish before an interrupt takes effect."""
