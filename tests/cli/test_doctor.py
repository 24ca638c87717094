from __future__ import annotations

import json
from dataclasses import replace
from math import nan
from typing import Any

import pytest

from perfgate.cli.app import main
from perfgate.cli.checkup import Finding, Moment, State, findings, to_change
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
    f"{GROUP}/cpu.max": "max 100000\n",
    f"{CPU}/cpu0/cpufreq/scaling_governor": "performance\n",
    f"{CPU}/intel_pstate/no_turbo": "1\n",
    f"{CPU}/smt/active": "0\n",
    "/proc/meminfo": "MemTotal:       16000000 kB\nSwapTotal:       1000000 kB\nSwapFree:        1000000 kB\n",
    "/proc/self/schedstat": "123 45 6\n",
    "/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu avx2 fma\n",
}


def _found(files: dict[str, str], moment: Moment = GOOD, **facts: Any) -> dict[str, Finding]:
    read = {**FILES, **files}.get
    return {each.name: each for each in findings({**FACTS, **facts}, moment, read)}


def test_a_machine_made_for_measuring_has_nothing_to_change() -> None:
    found = _found({})
    assert to_change(found.values()) == ()
    assert {each.state for each in found.values()} == {State.OK}
    assert "avx2 fma" in found["TensorFlow"].seen


_TOLD = (
    ("CPU limit", {f"{GROUP}/cpu.max": "150000 100000", f"{GROUP}/cpu.stat": "nr_throttled 17"}, "17 times"),
    ("clock governor", {f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave\n"}, "powersave"),
    ("turbo", {f"{CPU}/intel_pstate/no_turbo": "0\n"}, "on"),
    ("turbo", {f"{CPU}/intel_pstate/no_turbo": "", f"{CPU}/cpufreq/boost": "1"}, "on"),
    ("SMT", {f"{CPU}/smt/active": "1", f"{CPU}/cpu0/topology/thread_siblings_list": "0-1"}, "0-1"),
    ("swap", {"/proc/meminfo": "SwapTotal: 1000000 kB\nSwapFree: 500000 kB\n"}, "488 MiB"),
    ("run delay", {"/proc/self/schedstat": "0 0 0\n"}, "not counted"),
)


@pytest.mark.parametrize(("name", "files", "words"), _TOLD)
def test_what_a_file_tells_is_found(name: str, files: dict[str, str], words: str) -> None:
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


def test_what_the_machine_does_not_tell_is_no_reproach() -> None:
    silent = findings({**FACTS, "cores": None, "transparent_huge_pages": None}, replace(GOOD, pressure_share=nan),
                      lambda path: "1 1" if path.endswith("schedstat") else None)  # fmt: skip
    unknown = {each.name for each in silent if each.state is State.UNKNOWN}
    assert unknown == {"cores", "clock governor", "turbo", "SMT", "swap", "huge pages"}
    assert to_change(silent) == ()


def test_the_command_looks_at_this_machine_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == ExitCode.PASS
    said = capsys.readouterr()
    assert "TensorFlow" in said.out
    assert said.err.startswith("DOCTOR ")
    assert main(["doctor", "--json"]) == ExitCode.PASS
    document = json.loads(capsys.readouterr().out)
    assert {each["name"] for each in document["findings"]} >= {"cores", "memory", "other load"}
    assert document["environment"]["cores"]
