from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

import pytest

from perfgate.cli.app import main
from perfgate.doctor.checks import Finding, FindingState, Moment, findings, to_change
from perfgate.doctor.tensorflow_build import build_of, tensorflow_build
from perfgate.doctor.top_processes import busiest, cpu_spent
from perfgate.errors import ExitCode

GOOD = Moment(busy_share=0.03, steal_share=0.0, pressure_share=0.01, available_mib=16_000, realtime=True)
FACTS: dict[str, Any] = {
    "cores": 4.0,
    "transparent_huge_pages": "madvise",
    "tensorflow": "2.21.0",
    "variables": {},
}
CPU, GROUP = "/sys/devices/system/cpu", "/sys/fs/cgroup"
FILES = {
    "/proc/self/mountinfo": f"30 23 0:28 / {GROUP} rw - cgroup2 cgroup2 rw\n",
    "/proc/self/cgroup": "0::/\n",
    f"{GROUP}/cpu.max": "max 100000\n",
    f"{GROUP}/memory.max": "max\n",
    f"{CPU}/present": "0-3\n",
    **{f"{CPU}/cpu{number}/cpufreq/scaling_governor": "performance\n" for number in range(4)},
    f"{CPU}/intel_pstate/no_turbo": "1\n",
    f"{CPU}/smt/active": "0\n",
    "/proc/meminfo": "MemTotal:       16000000 kB\nSwapTotal:       1000000 kB\nSwapFree:        1000000 kB\n",
    "/proc/self/schedstat": "123 45 6\n",
    "/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu avx2 fma\n",
}

V1 = {
    f"{GROUP}/cpu.max": None,
    f"{GROUP}/memory.max": None,
    "/proc/self/mountinfo": "".join(
        f"3{number} 30 0:3{number} / {GROUP}/{name} rw - cgroup cgroup rw,{name}\n"
        for number, name in enumerate(("cpu", "memory"))
    ),
    "/proc/self/cgroup": "2:memory:/job\n1:cpu:/\n0::/\n",
}


def _found(files: Mapping[str, str | None], moment: Moment = GOOD, **facts: Any) -> dict[str, Finding]:
    read = {**FILES, **files}.get
    return {each.name: each for each in findings({**FACTS, **facts}, moment, read)}


def test_a_machine_made_for_measuring_has_nothing_to_change() -> None:
    found = _found({})
    assert to_change(found.values()) == ()
    assert {each.state for each in found.values()} == {FindingState.OK}
    assert "avx2 fma" in found["TensorFlow"].seen


_PROBLEMS = (
    (
        "CPU limit",
        {f"{GROUP}/cpu.max": "150000 100000", f"{GROUP}/cpu.stat": "nr_throttled 17"},
        "1.5 CPUs, reached 17",
    ),
    ("CPU limit", {"/proc/self/cgroup": "0::/a/b\n", f"{GROUP}/a/cpu.max": "400000 100000"}, "4 CPUs"),
    (
        "CPU limit",
        {"/proc/self/cgroup": "0::/a/b\n", f"{GROUP}/a/b/cpu.max": "1 1", f"{GROUP}/a/cpu.max": "8 1"},
        "1 CPU",
    ),
    (
        "CPU limit",
        {**V1, f"{GROUP}/cpu/cpu.cfs_quota_us": "200000", f"{GROUP}/cpu/cpu.cfs_period_us": "100000"},
        "2 CPU",
    ),
    ("memory limit", {f"{GROUP}/memory.max": str(3 << 30)}, "3 GiB, enough for 3 servers"),
    ("memory limit", {**V1, f"{GROUP}/memory/job/memory.limit_in_bytes": str(2 << 30)}, "2 GiB"),
    ("clock governor", {f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave\n"}, "powersave on 1 of 4 CPUs"),
    ("clock governor", {f"{CPU}/cpu3/cpufreq/scaling_governor": "schedutil\n"}, "schedutil on 1 of 4 CPUs"),
    ("turbo", {f"{CPU}/intel_pstate/no_turbo": "0\n"}, "on"),
    ("turbo", {f"{CPU}/intel_pstate/no_turbo": "", f"{CPU}/cpufreq/boost": "1"}, "on"),
    ("SMT", {f"{CPU}/smt/active": "1", f"{CPU}/cpu0/topology/thread_siblings_list": "0-1"}, "0-1"),
    ("swap", {"/proc/meminfo": "SwapTotal: 1000000 kB\nSwapFree: 500000 kB\n"}, "488 MiB"),
    ("run delay", {"/proc/self/schedstat": "0 0 0\n"}, "not counted"),
    ("TensorFlow", {"/proc/cpuinfo": "flags\t\t: fpu avx\n"}, "no AVX2 or FMA"),
)


@pytest.mark.parametrize(("name", "files", "words"), _PROBLEMS)
def test_a_file_with_a_problem_gives_a_finding(name: str, files: Mapping[str, str | None], words: str) -> None:
    found = _found(files)
    assert words in found[name].seen
    assert [each.name for each in to_change(found.values())] == [name]
    assert found[name].remedy
    assert found[name].brings


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("other load", {"busy_share": 0.6}),
        ("other load", {"pressure_share": 0.4}),
        ("steal", {"steal_share": 0.05}),
        ("memory", {"available_mib": 3_000.0}),
        ("real-time generator", {"realtime": False}),
    ],
)
def test_what_a_second_of_looking_on_shows_is_found(name: str, changes: dict[str, Any]) -> None:
    found = _found({}, replace(GOOD, **changes))
    assert [each.name for each in to_change(found.values())] == [name]


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("cores", {"cores": 1.0}),
        ("huge pages", {"transparent_huge_pages": "never"}),
        ("TensorFlow", {"tensorflow": None}),
        ("TensorFlow", {"variables": {"TF_ENABLE_ONEDNN_OPTS": "0"}}),
    ],
)
def test_what_the_environment_tells_is_found(name: str, facts: dict[str, Any]) -> None:
    assert [each.name for each in to_change(_found({}, **facts).values())] == [name]


def test_version_1_without_limits_has_none() -> None:
    none = {f"{GROUP}/cpu/cpu.cfs_quota_us": "-1", f"{GROUP}/cpu/cpu.cfs_period_us": "100000"}
    most = {f"{GROUP}/memory/memory.limit_in_bytes": str((1 << 63) - 4096)}
    assert to_change(_found({**V1, **none, **most}).values()) == ()


def test_other_load_is_named() -> None:
    found = _found({}, replace(GOOD, busy_share=0.6, busiest=("python (17) 97%",)))
    assert found["other load"].seen == "CPUs 60% busy: python (17) 97%"


def test_a_gpu_that_tensorflow_was_not_built_for_is_found() -> None:
    gpu = {"/proc/driver/nvidia/version": "NVRM version"}
    assert to_change(_found(gpu, tensorflow_build="CUDA 12.5.1").values()) == ()
    assert [each.name for each in to_change(_found(gpu, tensorflow_build="CPUs only").values())] == ["TensorFlow"]


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("OrderedDict([('cuda_version', '12.5.1'), ('is_cuda_build', True)])", "CUDA 12.5.1"),
        ("OrderedDict([('is_cuda_build', False), ('is_rocm_build', True)])", "ROCm"),
        ("OrderedDict([('is_cuda_build', False), ('is_rocm_build', False)])", "CPUs only"),
        ("", None),
    ],
)
def test_what_tensorflow_was_built_for_stands_in_its_file(text: str, build: str | None) -> None:
    assert build_of(text) == build


def test_the_installed_tensorflow_tells_what_it_was_built_for() -> None:
    assert re.fullmatch(r"CUDA [0-9.]+|ROCm|CPUs only", tensorflow_build() or "")


def test_the_busiest_of_the_others_are_those_that_used_most() -> None:
    before = {1: ("init", 5.0), 2: ("a", 1.0), 3: ("b", 0.0), 4: ("c", 0.0), 5: ("d", 0.0)}
    after = {1: ("init", 5.0), 2: ("a", 3.0), 3: ("b", 1.0), 4: ("c", 0.5), 5: ("d", 0.4), 6: ("new", 9.0)}
    assert busiest(before, after, 2.0) == ("a (2) 100%", "b (3) 50%", "c (4) 25%")
    assert busiest(before, before, 2.0) == ()


def test_this_machines_processes_are_read_without_this_one() -> None:
    spent = cpu_spent()
    assert os.getppid() in spent
    assert os.getpid() not in spent


def test_what_the_machine_does_not_tell_is_no_reproach() -> None:
    silent = findings({**FACTS, "cores": None, "transparent_huge_pages": None}, replace(GOOD, pressure_share=nan),
                      lambda path: "1 1" if path.endswith("schedstat") else None)  # fmt: skip
    unknown = {each.name for each in silent if each.state is FindingState.UNKNOWN}
    assert unknown == {"cores", "clock governor", "turbo", "SMT", "swap", "huge pages"}
    assert to_change(silent) == ()


@pytest.mark.slow
def test_the_command_looks_at_this_machine_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == ExitCode.PASS
    said = capsys.readouterr()
    assert "TensorFlow" in said.out
    assert said.err.startswith("DOCTOR ")
    assert main(["doctor", "--json"]) == ExitCode.PASS
    document = json.loads(capsys.readouterr().out)
    assert {each["name"] for each in document["findings"]} >= {"cores", "memory", "other load"}
    assert document["environment"]["cores"]
