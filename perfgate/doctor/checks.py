"""Checks of this machine for anything that makes measurements less precise or wrong, each with a remedy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from perfgate.experiment.plan import replicas_that_fit
from perfgate.formatting import given, share, with_unit
from perfgate.observe.limits import memory_mib, quota_cpus, throttled
from perfgate.observe.proc_files import Read, numbers

_CPU = "/sys/devices/system/cpu"
_BUSY, _STEAL, _PRESSURE = 0.1, 0.01, 0.2
_REPLICAS = 12
_MODEL_MIB = 10.0
_MORE_SERVERS = f"{_REPLICAS} servers per arm: with 4 the standard error at equal wall time was twice as large"
_KERNELS = "the kernels that production runs"
_SCHEDSTAT = "/proc/self/schedstat"


class FindingState(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    CHANGE = "change"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    state: FindingState
    seen: str
    remedy: str = ""
    brings: str = ""
    """Expected benefit of the remedy; figures are from docs/explanation/power.md and docs/explanation/benchmarks.md."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Observations of the machine over one second."""

    busy_share: float
    """Share of all CPUs."""
    steal_share: float
    pressure_share: float
    """Share of the time in which some task waited for a CPU; NaN if the kernel does not report it."""
    available_mib: float
    realtime: bool
    """Whether the load generator may run before ordinary processes."""
    busiest: tuple[str, ...] = ()
    """Processes that used the most CPU time, with their share."""


def findings(environment: Mapping[str, Any], moment: Moment, read: Read) -> tuple[Finding, ...]:
    """Run all checks; `environment` as returned by `perfgate.baseline.fingerprint.environment`."""
    return (
        _cores(environment),
        _quota(read),
        *_clock(read),
        _siblings(read),
        _load(moment),
        _steal(moment),
        _memory(moment),
        _memory_limit(read),
        _swap(read),
        _huge_pages(environment),
        _run_delay(read),
        _realtime(moment),
        _tensorflow(environment, read),
    )


def _cores(environment: Mapping[str, Any]) -> Finding:
    cores = environment.get("cores")
    if cores is None:
        return Finding("cores", FindingState.UNKNOWN, "unknown")
    enough = cores >= 2
    remedy = "" if enough else "use a machine with two cores or more"
    brings = "" if enough else "servers no longer wait for the load generator"
    return Finding(
        "cores", FindingState.OK if enough else FindingState.CHANGE, f"{given(cores)} for perfgate", remedy, brings
    )


def _quota(read: Read) -> Finding:
    cpus, times = quota_cpus(read), throttled(read)
    if cpus is None:
        return Finding("CPU limit", FindingState.OK, "none")
    seen = f"a quota of {given(cpus)} CPUs" + ("" if times is None else f", reached {times:,} times so far")
    remedy = "give the container whole CPUs (a CPU set) instead of a quota"
    return Finding("CPU limit", FindingState.CHANGE, seen, remedy, "no request is paused for up to 100 ms")


def _memory_limit(read: Read) -> Finding:
    limit = memory_mib(read)
    if limit is None:
        return Finding("memory limit", FindingState.OK, "none")
    fit, seen = _servers_in(limit), f"{given(limit / 1024)} GiB"
    if fit >= _REPLICAS:
        return Finding("memory limit", FindingState.OK, seen)
    seen += f", enough for {fit} servers per arm of a small model"
    return Finding("memory limit", FindingState.CHANGE, seen, "raise the container's memory limit", _MORE_SERVERS)


def _servers_in(free_mib: float) -> int:
    return replicas_that_fit("embedded", _REPLICAS, 2, 2, free_mib, _MODEL_MIB)


def _clock(read: Read) -> Iterator[Finding]:
    governors = Counter(_governors(read))
    slow = ", ".join(f"{name} on {count}" for name, count in governors.items() if name != "performance")
    if not governors:
        yield Finding("clock governor", FindingState.UNKNOWN, "unknown, as on most virtual machines")
    elif not slow:
        yield Finding("clock governor", FindingState.OK, "performance")
    else:
        remedy, seen = "cpupower frequency-set -g performance", f"{slow} of {governors.total()} CPUs"
        yield Finding("clock governor", FindingState.CHANGE, seen, remedy, "the clock no longer changes with the load")
    no_turbo, boost = (
        (read(path) or "").strip() for path in (f"{_CPU}/intel_pstate/no_turbo", f"{_CPU}/cpufreq/boost")
    )
    if not (no_turbo or boost):
        yield Finding("turbo", FindingState.UNKNOWN, "unknown, as on most virtual machines")
    elif no_turbo == "1" or boost == "0":
        yield Finding("turbo", FindingState.OK, "off")
    else:
        switch = f"echo 1 > {_CPU}/intel_pstate/no_turbo" if no_turbo else f"echo 0 > {_CPU}/cpufreq/boost"
        yield Finding(
            "turbo", FindingState.CHANGE, "on", switch, "the clock no longer depends on temperature and other cores"
        )


def _governors(read: Read) -> Iterator[str]:
    """Yield the frequency governor of each CPU; they may differ."""
    last = re.search(r"(\d+)\s*$", read(f"{_CPU}/present") or "0")
    for cpu in range(int(last[1]) + 1 if last else 1):
        if governor := (read(f"{_CPU}/cpu{cpu}/cpufreq/scaling_governor") or "").strip():
            yield governor


def _siblings(read: Read) -> Finding:
    active = (read(f"{_CPU}/smt/active") or "").strip()
    if not active:
        return Finding("SMT", FindingState.UNKNOWN, "unknown")
    if active == "0":
        return Finding("SMT", FindingState.OK, "off")
    siblings = (read(f"{_CPU}/cpu0/topology/thread_siblings_list") or "").strip()
    remedy = "give servers and load generator separate cores: --cpus and --driver-cpus"
    return Finding("SMT", FindingState.CHANGE, f"on, CPUs {siblings} are one core" if siblings else "on", remedy,
                   "they no longer share execution units")  # fmt: skip


def _load(moment: Moment) -> Finding:
    seen = f"CPUs {share(moment.busy_share)} busy"
    waits = moment.pressure_share > _PRESSURE  # False for NaN
    seen += f", tasks waited {share(moment.pressure_share)} of the time" if waits else ""
    seen += f": {', '.join(moment.busiest)}" if moment.busiest else ""
    if moment.busy_share <= _BUSY and not waits:
        return Finding("other load", FindingState.OK, seen)
    brings = "narrower intervals: a standard error of 0.2 % became 0.6 to 1.3 % beside programs that used both CPUs"
    return Finding(
        "other load", FindingState.CHANGE, seen, "stop the other work, or allow for a longer --budget", brings
    )


def _steal(moment: Moment) -> Finding:
    seen = f"the hypervisor took {share(moment.steal_share)} of the CPU time"
    if moment.steal_share <= _STEAL:
        return Finding("steal", FindingState.OK, seen)
    brings = (
        "tail latencies reflect the model: with 1.5 to 11 % steal, a generator's p99 send lag was 3 to 30 ms instead "
        "of 0.1"
    )
    return Finding(
        "steal", FindingState.CHANGE, seen, "use a dedicated host, or an instance without CPU credits", brings
    )


def _memory(moment: Moment) -> Finding:
    fit = _servers_in(moment.available_mib)
    seen = f"{with_unit(moment.available_mib / 1024, 'GiB')} free, enough for {fit} servers per arm of a small model"
    if fit >= _REPLICAS:
        return Finding("memory", FindingState.OK, seen)
    return Finding("memory", FindingState.CHANGE, seen, "free memory, or use a larger machine", _MORE_SERVERS)


def _swap(read: Read) -> Finding:
    memory = numbers(read("/proc/meminfo"))
    total, free = memory.get("SwapTotal"), memory.get("SwapFree")
    if total is None or free is None:
        return Finding("swap", FindingState.UNKNOWN, "unknown")
    if total - free <= total * 0.01:
        return Finding("swap", FindingState.OK, "none in use" if total else "none")
    used = (total - free) / 1024
    return Finding("swap", FindingState.CHANGE, f"{with_unit(used, 'MiB')} in use", "swapoff -a, if memory suffices",
                   "no request waits for a disk, and memory figures are complete")  # fmt: skip


def _huge_pages(environment: Mapping[str, Any]) -> Finding:
    chosen = environment.get("transparent_huge_pages")
    if chosen is None:
        return Finding("huge pages", FindingState.UNKNOWN, "unknown")
    if chosen != "never":
        return Finding("huge pages", FindingState.OK, str(chosen))
    remedy = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"
    brings = "processes of one model differ by under 1 % instead of 2 to 4 %"
    return Finding("huge pages", FindingState.CHANGE, "never", remedy, brings)


def _run_delay(read: Read) -> Finding:
    fields = (read(_SCHEDSTAT) or "").split()
    if len(fields) > 1 and any(field != "0" for field in fields[:2]):
        return Finding("run delay", FindingState.OK, "counted")
    brings = "time waiting for a CPU is subtracted from executions: 3 to 100 times less variance beside other work"
    return Finding(
        "run delay", FindingState.CHANGE, f"not counted in {_SCHEDSTAT}", "use a kernel with CONFIG_SCHED_INFO", brings
    )


def _realtime(moment: Moment) -> Finding:
    if moment.realtime:
        return Finding("real-time generator", FindingState.OK, "permitted")
    remedy = "run as root, or grant CAP_SYS_NICE (docker run --cap-add SYS_NICE)"
    brings = "beside other work requests are sent 0.1 to 0.2 ms late at the 99th percentile instead of 4 to 6 ms"
    return Finding("real-time generator", FindingState.CHANGE, "not permitted", remedy, brings)


def _tensorflow(environment: Mapping[str, Any], read: Read) -> Finding:
    version = environment.get("tensorflow")
    if version is None:
        return Finding(
            "TensorFlow", FindingState.CHANGE, "not installed", "pip install tensorflow", "perfgate's own server"
        )
    flags = re.search(r"^(flags|Features)\s*:\s*(.+)$", read("/proc/cpuinfo") or "", re.MULTILINE)
    has = flags[2].split() if flags else []
    units = [unit for unit in ("avx2", "fma", "avx512f", "amx_tile", "asimd") if unit in has]
    seen = f"{version}, the CPU has {' '.join(units)}" if units else str(version)
    variables = environment.get("variables") or {}
    if flags and flags[1] == "flags" and not {"avx2", "fma"} <= set(has):
        remedy = "measure on the same kind of CPU as production; in a virtual machine, pass the host's CPU through"
        return Finding("TensorFlow", FindingState.CHANGE, f"{version}, the CPU has no AVX2 or FMA", remedy, _KERNELS)
    if variables.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        remedy = "unset TF_ENABLE_ONEDNN_OPTS, unless production sets it"
        return Finding("TensorFlow", FindingState.CHANGE, f"{seen}; oneDNN is off", remedy, _KERNELS)
    build = environment.get("tensorflow_build")
    seen += f"; built for {build}" if build else ""
    if build == "CPUs only" and read("/proc/driver/nvidia/version") is not None:
        remedy, brings = "pip install tensorflow[and-cuda]", "this machine's GPU is used, if production has one"
        return Finding("TensorFlow", FindingState.CHANGE, seen, remedy, brings)
    return Finding("TensorFlow", FindingState.OK, seen)


def to_change(found: Iterable[Finding]) -> Sequence[Finding]:
    """Return the findings that could be improved."""
    return tuple(each for each in found if each.state is FindingState.CHANGE)
