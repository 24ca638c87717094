"""CPU time and memory of many processes every 100 ms, from a process beside the run."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from perfgate.observe.sampler import RECORD
from perfgate.trials import Subject

_FIELDS = np.dtype([("time_s", "f8"), ("pid", "i8"), ("cpu_ms", "f8"), ("rss_mb", "f8"), ("pss_mb", "f8")])
_STOP_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class SampledSeries:
    """Samples of all processes in order of time; arrays of equal length."""

    time_s: NDArray[np.float64]
    """On the clock of `time.monotonic` and, on Linux, `time.perf_counter`."""
    pid: NDArray[np.int64]
    cpu_ms: NDArray[np.float64]
    """CPU time since the process began."""
    rss_mb: NDArray[np.float64]
    pss_mb: NDArray[np.float64]
    """NaN except where it was read."""

    def of(self, pid: int) -> SampledSeries:
        """Return one process's samples."""
        return self._where(self.pid == pid)

    def without(self, pid: int) -> SampledSeries:
        """Return the other processes' samples."""
        return self._where(self.pid != pid)

    def between(self, start_s: float, end_s: float) -> SampledSeries:
        """Return the samples of a time span, both ends included."""
        return self._where((self.time_s >= start_s) & (self.time_s <= end_s))

    @property
    def cores(self) -> float:
        """CPU time of one process by wall time, from its first sample to its last; NaN with fewer than two."""
        if len(self.time_s) < 2:
            return math.nan
        return float((self.cpu_ms[-1] - self.cpu_ms[0]) / 1e3 / (self.time_s[-1] - self.time_s[0]))

    def _where(self, rows: NDArray[np.bool_]) -> SampledSeries:
        return SampledSeries(self.time_s[rows], self.pid[rows], self.cpu_ms[rows], self.rss_mb[rows], self.pss_mb[rows])


class Sampler:
    """Context manager around the sampling process; Linux only, elsewhere its series is empty.

    Samples a subject's process only, not its descendants: `watch` those, which an observer's `pids()` lists.
    """

    def __init__(
        self, subjects: Iterable[Subject | int] = (), every_s: float = 0.1, pss_every_s: float = math.inf
    ) -> None:
        if not every_s > 0:
            raise ValueError("samples need a time between them")
        self._subjects, self._periods_s = tuple(subjects), (every_s, pss_every_s)
        self._process: subprocess.Popen[bytes] | None = None
        self._last: SampledSeries = _series(b"")

    def __enter__(self) -> Self:
        self._records = tempfile.TemporaryFile(prefix="perfgate-samples-")
        if sys.platform == "linux":
            program = [sys.executable, "-m", "perfgate.observe.sampler", *map(repr, self._periods_s)]
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                program, stdin=subprocess.PIPE, stdout=self._records, bufsize=0, process_group=0
            )
        self.watch(*self._subjects)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.communicate(timeout=_STOP_S)
            self._process.kill()
            self._process.wait()
        self._last = self._read()
        self._records.close()

    def watch(self, *subjects: Subject | int) -> None:
        """Sample these as well from now on."""
        pids = [one if isinstance(one, int) else one.pid for one in subjects]
        lines = "".join(f"{pid}\n" for pid in pids if pid is not None)
        if self._process is not None and self._process.stdin is not None and lines:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(lines.encode())

    def series(self) -> SampledSeries:
        """All samples so far, without the sampler's own; also after the end."""
        everything = self._everything()
        return everything if self._process is None else everything.without(self._process.pid)

    @property
    def cost_share(self) -> float:
        """CPU time of the sampler itself, in cores, without its start."""
        return math.nan if self._process is None else self._everything().of(self._process.pid).cores

    def _everything(self) -> SampledSeries:
        return self._last if self._records.closed else self._read()

    def _read(self) -> SampledSeries:
        size = os.fstat(self._records.fileno()).st_size
        return _series(
            os.pread(self._records.fileno(), size - size % RECORD.size, 0)
        )  # does not move the writer's position


def _series(records: bytes) -> SampledSeries:
    rows = np.frombuffer(records, _FIELDS)
    return SampledSeries(*(np.ascontiguousarray(rows[name]) for name in _FIELDS.names or ()))
