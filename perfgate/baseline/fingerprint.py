"""The environment of a measurement, and the digest that decides whether two of them are comparable."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

import psutil

from perfgate.formatting import given
from perfgate.observe import limits, proc_files
from perfgate.observe.proc_files import Read
from perfgate.scenario.batching_file import batching_of
from perfgate.scenario.schema import Server
from perfgate.version import __version__

STABLE = ("cpu_model", "cores", "memory_class_gib", "tensorflow")
"""Stable facts on which numbers depend; with the server's settings, the fingerprint."""

VOLATILE = ("load_average",)
"""Facts that vary from moment to moment, which distinguish no two environments."""

VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "GLIBC_TUNABLES",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "LD_PRELOAD",
    "MALLOC_ARENA_MAX",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)
"""Environment variables that change TensorFlow's speed, listed by name: a pattern such as TF_* would put the TF_VAR_*
secrets of a Terraform job into records and reports.
"""

_CI = ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "CIRCLECI", "TF_BUILD", "CI")
_THP = "/sys/kernel/mm/transparent_hugepage/enabled"


def environment(environ: Mapping[str, str], read: Read = proc_files.text) -> dict[str, Any]:
    """Collect facts of the machine and the software; None if the platform does not report them.

    `read` returns the text of a system file, or None; other facts come from `platform` and `psutil`.
    """
    memory_mib = _memory_mib(read)
    return {
        "cpu_model": _cpu_model(read),
        "cores": _cores(read),
        "memory_mib": memory_mib,
        "memory_class_gib": 2.0 ** round(math.log2(memory_mib / 1024)),
        "os": _os(read),
        "kernel": (read("/proc/sys/kernel/osrelease") or platform.release()).strip(),
        "python": platform.python_version(),
        "tensorflow": _version("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tf-nightly"),
        "numpy": _version("numpy"),
        "grpcio": _version("grpcio"),
        "perfgate": __version__,
        "transparent_huge_pages": _chosen(read(_THP)),
        "governor": _line(read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        "container": _container(environ, read),
        "ci": next((name for name in _CI if environ.get(name)), None),
        "variables": {name: environ[name] for name in VARIABLES if name in environ},
        "load_average": _load_average(read),
    }


def fingerprint(environment: Mapping[str, Any], server_settings: Mapping[str, Any]) -> str:
    """Digest the stable facts and the server's settings: 16 hex digits; stored numbers are comparable only if equal.

    Settings count by their effect: defaults are left out, so that a setting added later changes nothing, and a batching
    file counts by its content. UsageError if it cannot be read.
    """
    stable = {name: environment.get(name) for name in STABLE}
    server = Server.model_validate(server_settings)
    settings = server.model_dump(mode="json", exclude_defaults=True, exclude={"batching", "batching_parameters_file"})
    if (batching := batching_of(server)) is not None:
        settings["batching"] = batching.model_dump(mode="json")
    text = json.dumps({**stable, "server": settings}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(
    a: Mapping[str, Any], b: Mapping[str, Any], fields: Iterable[str] | None = None
) -> tuple[tuple[str, Any, Any], ...]:
    """List (field, in a, in b) where two environments differ, stable fields first; by default all but volatile ones."""
    names = dict.fromkeys((*STABLE, *a, *b)) if fields is None else fields
    return tuple((n, a.get(n), b.get(n)) for n in names if n not in VOLATILE and a.get(n) != b.get(n))


def then_and_now(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Describe which stable facts differ: `cores 4 then, 2 now`; empty if none does."""
    return ", ".join(
        f"{name} {_as_text(was)} then, {_as_text(is_now)} now" for name, was, is_now in differences(then, now, STABLE)
    )


def _as_text(fact: object) -> str:
    return given(fact) if isinstance(fact, float) else str(fact)


def _cpu_model(read: Read) -> str:
    text = read("/proc/cpuinfo") or ""
    # x86 has "model name"; 64-bit Arm only numbers, which distinguish cores as well
    if match := re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE):
        return " ".join(match[1].split())
    parts = re.findall(r"^CPU (?:implementer|part|variant)\s*:\s*(\S+)$", text, re.MULTILINE)
    return (
        " ".join((platform.machine(), *dict.fromkeys(parts))) if parts else platform.processor() or platform.machine()
    )


def _cores(read: Read) -> float | None:
    """Count the CPUs that this process may use, within a container's quota: 1.5 is one and a half."""
    match = re.search(r"^Cpus_allowed:\s*([0-9a-f,]+)$", read("/proc/self/status") or "", re.MULTILINE)
    cpus = int(match[1].replace(",", ""), 16).bit_count() if match else psutil.cpu_count()
    quota = limits.quota_cpus(read)
    if cpus and quota is not None:
        return min(float(cpus), quota)
    return float(cpus) if cpus else None


def _memory_mib(read: Read) -> int:
    total_kib = proc_files.numbers(read("/proc/meminfo")).get("MemTotal")
    total = int(psutil.virtual_memory().total) if total_kib is None else int(total_kib) * 1024
    limit_mib = limits.memory_mib(read)
    return max(1, total // 2**20 if limit_mib is None else int(min(total / 2**20, limit_mib)))


def _os(read: Read) -> str:
    match = re.search(r'^PRETTY_NAME="?(.*?)"?$', read("/etc/os-release") or "", re.MULTILINE)
    return match[1] if match else f"{platform.system()} {platform.release()}"


def _container(environ: Mapping[str, str], read: Read) -> str | None:
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    if read("/.dockerenv") is not None:
        return "docker"
    return environ.get("container") or ("podman" if read("/run/.containerenv") is not None else None)


def _load_average(read: Read) -> float | None:
    """Return the one-minute load average."""
    if text := read("/proc/loadavg"):
        return float(text.split()[0])
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _chosen(text: str | None) -> str | None:
    """Return the bracketed word of a kernel setting: `always [madvise] never`."""
    match = re.search(r"\[(\w+)\]", text or "")
    return match[1] if match else None


def _line(text: str | None) -> str | None:
    return text.strip() if text else None


def _version(*distributions: str) -> str | None:
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
