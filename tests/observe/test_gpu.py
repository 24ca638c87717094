from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from perfgate.observe.choose import observer_of
from perfgate.observe.fake import FakeProcessAccounts
from perfgate.observe.gpu import GpuCounters, WithGpu, management_library
from perfgate.trials import Subject


class NVMLError(Exception):
    pass


@dataclass
class Library:
    """Two GPUs as reported by `pynvml`; process 7 uses the second."""

    NVMLError = NVMLError
    NVML_GPU_UTILIZATION_SAMPLES = 1
    energy_mj: dict[int, int] = field(default_factory=lambda: {0: 10_000, 1: 500_000})
    samples: list[tuple[int, int]] = field(default_factory=lambda: [(1_000_000, 50)])
    used_bytes: int | None = 256 << 20
    broken: str = ""

    def nvmlDeviceGetCount(self) -> Any:  # noqa: N802
        return self._unless_broken("count", 2)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:  # noqa: N802
        return number

    def nvmlDeviceGetComputeRunningProcesses(self, device: int) -> list[Any]:  # noqa: N802
        return [SimpleNamespace(pid=7 if device else 1, usedGpuMemory=self.used_bytes)]

    def nvmlDeviceGetTotalEnergyConsumption(self, device: int) -> Any:  # noqa: N802
        return self._unless_broken("energy", self.energy_mj[device])

    def nvmlDeviceGetSamples(self, _: int, kind: int, since_us: int) -> tuple[int, list[Any]]:  # noqa: N802
        assert kind == self.NVML_GPU_UTILIZATION_SAMPLES
        found = [
            SimpleNamespace(timeStamp=at, sampleValue=SimpleNamespace(uiVal=share))
            for at, share in self.samples
            if at > since_us
        ]
        if not found:
            raise NVMLError
        return 0, self._unless_broken("samples", found)

    def _unless_broken(self, what: str, value: Any) -> Any:
        if self.broken == what:
            raise NVMLError
        return value


def test_memory_is_the_processs_energy_and_busy_time_its_gpus() -> None:
    library = Library()
    gpu = GpuCounters(library, lambda: [7, 8])
    first = gpu.read()
    assert (first.gpu_memory_mb, first.gpu_energy_j, first.gpu_busy_ms) == (256, 500, 0)
    library.samples += [(1_100_000, 100), (1_300_000, 25)]
    library.energy_mj[1] += 2500
    second = gpu.read()
    assert (second.gpu_energy_j, second.gpu_busy_ms) == (502.5, 150)
    assert gpu.read().gpu_busy_ms == 150  # nothing new


def test_a_process_without_a_gpu_has_no_such_numbers() -> None:
    usage = GpuCounters(Library(), lambda: [99]).read()
    assert all(math.isnan(value) for value in (usage.gpu_memory_mb, usage.gpu_energy_j, usage.gpu_busy_ms))


@pytest.mark.parametrize(("broken", "unknown"), [("count", 3), ("energy", 1), ("samples", 1)])
def test_what_a_gpu_does_not_report_is_unknown(broken: str, unknown: int) -> None:
    usage = GpuCounters(Library(broken=broken), lambda: [7]).read()
    assert sum(map(math.isnan, (usage.gpu_memory_mb, usage.gpu_energy_j, usage.gpu_busy_ms))) == unknown
    assert math.isnan(GpuCounters(Library(used_bytes=None), lambda: [7]).read().gpu_memory_mb)


def test_the_rest_is_as_the_other_observer_says() -> None:
    both = WithGpu(FakeProcessAccounts(lambda: 2.0), GpuCounters(Library(), lambda: [7]))
    assert both.cpu_ms() == 1000
    assert both.memory().rss_mb == 300
    assert both.usage().gpu_memory_mb == 256
    assert math.isnan(both.usage().minor_faults)
    assert both.missing == ()


@pytest.fixture
def forget() -> Iterator[None]:
    management_library.cache_clear()
    yield
    management_library.cache_clear()


@pytest.mark.usefixtures("forget")
def test_the_library_is_loaded_when_it_is_there_and_has_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert management_library() is None
    management_library.cache_clear()
    fake = ModuleType("pynvml")
    vars(fake).update(NVMLError=NVMLError, nvmlInit=lambda: None)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    assert management_library() is fake
    management_library.cache_clear()

    def no_driver() -> None:
        raise NVMLError

    vars(fake).update(nvmlInit=no_driver)
    assert management_library() is None


def test_a_server_on_a_machine_with_gpus_is_observed_with_them() -> None:
    assert isinstance(observer_of(Subject(7), gpu=Library), WithGpu)
    assert not isinstance(observer_of(Subject(), gpu=Library), WithGpu)
