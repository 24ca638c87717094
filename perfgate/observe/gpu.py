"""GPU memory, energy and busy time from NVIDIA's management library, if installed: `perfgate[gpu]`."""

from __future__ import annotations

import functools
import importlib
import itertools
import math
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from perfgate.observe.interface import ProcessObserver
from perfgate.observe.proc_files import mib
from perfgate.trials import Memory, Usage


@functools.cache
def management_library() -> Any | None:  # noqa: ANN401 - the library has no types
    """Load and start `pynvml`; None if it is not installed, or finds no driver."""
    try:
        library = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        library.nvmlInit()
    except library.NVMLError:
        return None
    return library


class GpuCounters:
    """Reads the GPUs that some of the given processes use.

    Memory is that of these processes. Energy and busy time are the whole GPU's, because the library does not report
    them by process. The library uses the host's process numbers: in a container with its own, it finds none.
    """

    def __init__(self, library: Any, pids: Callable[[], Collection[int]]) -> None:  # noqa: ANN401
        self._library, self._pids = library, pids
        self._busy_ms: dict[int, float] = {}
        self._seen_us: dict[int, int] = {}

    def read(self) -> Usage:
        """Read the three GPU fields; busy time counts from the first reading."""
        pids, used = set(self._pids()), []
        with suppress(self._library.NVMLError):
            for number in range(self._library.nvmlDeviceGetCount()):
                with suppress(self._library.NVMLError):
                    device = self._library.nvmlDeviceGetHandleByIndex(number)
                    running = [
                        one for one in self._library.nvmlDeviceGetComputeRunningProcesses(device) if one.pid in pids
                    ]
                    if running:
                        used.append((number, device, running))
        if not used:
            return Usage()
        octets = [one.usedGpuMemory for _, _, running in used for one in running]
        return Usage(
            gpu_energy_j=sum(self._energy_j(device) for _, device, _ in used),
            gpu_busy_ms=sum(self._busy(number, device) for number, device, _ in used),
            gpu_memory_mb=math.nan if None in octets else mib(sum(octets)),
        )

    def _energy_j(self, device: Any) -> float:  # noqa: ANN401
        """Energy since the driver was loaded, which the library reports in mJ."""
        try:
            return float(self._library.nvmlDeviceGetTotalEnergyConsumption(device)) / 1e3
        except self._library.NVMLError:
            return math.nan

    def _busy(self, number: int, device: Any) -> float:  # noqa: ANN401
        """Sum the driver's own samples of utilisation; it keeps recent ones, with times in us."""
        seen_us = self._seen_us.get(number, 0)
        try:
            _, samples = self._library.nvmlDeviceGetSamples(device, self._library.NVML_GPU_UTILIZATION_SAMPLES, seen_us)
        except self._library.NVMLError:  # also raised if there is no newer sample
            return self._busy_ms.get(number, math.nan)
        self._busy_ms[number] = self._busy_ms.get(number, 0.0) + (_integral_ms(seen_us, samples) if seen_us else 0.0)
        self._seen_us[number] = max([seen_us, *(sample.timeStamp for sample in samples)])
        return self._busy_ms[number]


def _integral_ms(since_us: int, samples: Sequence[Any]) -> float:
    taken = sorted((sample.timeStamp, sample.sampleValue.uiVal) for sample in samples if sample.timeStamp > since_us)
    instants = [since_us, *(instant for instant, _ in taken)]
    spans = itertools.pairwise(instants)
    return math.fsum((end - start) / 1e3 * share / 100 for (start, end), (_, share) in zip(spans, taken, strict=True))


class WithGpu:
    """Adds GPU readings to another observer."""

    def __init__(self, observer: ProcessObserver, gpu: GpuCounters) -> None:
        self._observer, self._gpu = observer, gpu
        self._gpu.read()

    def cpu_ms(self) -> float:
        """As reported by the other observer."""
        return self._observer.cpu_ms()

    def memory(self) -> Memory:
        """As reported by the other observer."""
        return self._observer.memory()

    def usage(self) -> Usage:
        """Return the other observer's counters, and the GPU fields."""
        gpu = self._gpu.read()
        return replace(
            self._observer.usage(),
            gpu_energy_j=gpu.gpu_energy_j,
            gpu_busy_ms=gpu.gpu_busy_ms,
            gpu_memory_mb=gpu.gpu_memory_mb,
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """As reported by the other observer."""
        return self._observer.missing
