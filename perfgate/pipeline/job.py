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
    """What is to be measured, under which name, where, and what is known of it beforehand."""

    prepared: Prepared
    run_id: str
    command: tuple[str, ...]
    """The command line that makes this run again."""
    seed: int
    out: Path
    created: datetime
    environment: Mapping[str, Any]
    """Facts of the machine and the software."""
    stops_early: bool = True
    """Whether a lane ends when all that it decides is decided; else it takes its time."""
    advice: Advice = field(default_factory=Advice)
    """What a calibration of this scenario says beforehand, where there is one."""
    cautions: tuple[Caution, ...] = ()
    """What else is known beforehand."""

    @property
    def comparison(self) -> Comparison:
        """What is compared with what."""
        return self.prepared.comparison

    @property
    def scenario(self) -> Scenario:
        """What to measure."""
        return self.comparison.scenario

    @property
    def models(self) -> Mapping[Arm, Model]:
        """The candidate, and the baseline where it is measured."""
        return self.comparison.models


class Interrupts(Protocol):
    """What came of ^C."""

    @property
    def happened(self) -> bool:
        """Whether one came; inside a C library's callback it surfaces as that library's error."""

    def held(self) -> AbstractContextManager[None]:
        """Let what is inside finish."""
