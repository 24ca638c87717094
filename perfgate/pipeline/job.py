"""What a run is asked for, and what it touches outside of perfgate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from perfgate.baseline.numbers import StoredBaseline
from perfgate.baseline.record import Record
from perfgate.experiment.fleet import Makers
from perfgate.experiment.watch import Sampler
from perfgate.model.interface import Model
from perfgate.observe.interface import MachineObserver
from perfgate.report.advice import Advice
from perfgate.report.progress import Progress
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm, Caution, Subject


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for."""

    command: tuple[str, ...]
    run_id: str
    scenario: Scenario
    models: Mapping[Arm, Model]
    """The candidate, and the baseline where there is one."""
    baseline_name: str | None
    seed: int
    out: Path
    record: Record | None = None
    """The stored baseline that is measured again as the baseline arm, if that is what it is."""
    stored: StoredBaseline | None = None
    """The stored baseline whose numbers the candidate alone is compared with, if that is what is asked."""
    stops_early: bool = True
    """Whether a lane ends when all that it decides is decided; else it takes its time."""
    advice: Advice = field(default_factory=Advice)
    """What a calibration of this scenario says beforehand, where there is one."""
    cautions: tuple[Caution, ...] = ()
    """What else is known beforehand."""


class Interrupts(Protocol):
    """What came of ^C."""

    @property
    def happened(self) -> bool:
        """Tell whether one came; inside a C library's callback it surfaces as that library's error."""

    def held(self) -> AbstractContextManager[None]:
        """Let what is inside finish."""


@dataclass(frozen=True, slots=True)
class World:
    """What a run touches outside of perfgate; tests give fakes."""

    makers: Makers
    machine: MachineObserver
    sampler: Callable[[Sequence[Subject]], Sampler]
    threads: Callable[[Subject], Mapping[str, float]]
    """CPU time of a server's threads by kind, ms."""
    progress: Progress
    now: Callable[[], datetime]
    environment: Mapping[str, Any]
    available_mib: float
    interrupts: Interrupts
