import os
from pathlib import Path

import pytest

from perfgate.baseline.fingerprint import STABLE, differences, environment, fingerprint
from perfgate.scenario.schema import Server
from perfgate.version import __version__

FILES = {
    "/proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD  EPYC 9R14\n\nprocessor\t: 1\nmodel name\t: AMD  EPYC 9R14\n",
    "/proc/self/status": "Name:\tpython\nCpus_allowed:\t00000000,0000000f\nCpus_allowed_list:\t0-3\n",
    "/proc/meminfo": "MemTotal:       16133256 kB\nMemFree:         1 kB\n",
    "/proc/sys/kernel/osrelease": "6.1.0-18\n",
    "/etc/os-release": 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n',
    "/proc/loadavg": "1.25 1.0 0.9 1/200 99\n",
    "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
}


def test_facts_come_from_the_system_files() -> None:
    facts = environment({"CI": "true", "HOME": "/home/me"}, FILES.get)
    assert facts["cpu_model"] == "AMD EPYC 9R14"
    assert facts["cores"] == 4
    assert facts["memory_mib"] == 15755
    assert facts["memory_class_gib"] == 16
    assert (facts["os"], facts["kernel"]) == ("Debian GNU/Linux 12", "6.1.0-18")
    assert (facts["transparent_huge_pages"], facts["governor"]) == ("madvise", "performance")
    assert (facts["ci"], facts["container"], facts["variables"]) == ("CI", None, {})
    assert facts["load_average"] == 1.25
    assert facts["perfgate"] == __version__
    assert facts["tensorflow"]
    assert facts["numpy"]


GROUPS = {
    "/proc/self/mountinfo": "30 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    "/proc/self/cgroup": "0::/job/step\n",
}


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"/sys/fs/cgroup/job/cpu.max": "150000 100000\n", "/sys/fs/cgroup/job/step/cpu.max": "max 100000\n"}, 1.5),
        ({"/sys/fs/cgroup/cpu.max": "max 100000\n"}, 4),
        ({"/sys/fs/cgroup/cpu.max": "800000 100000\n"}, 4),
        ({"/proc/self/status": "Cpus_allowed:\t3\n"}, 2),
    ],
)
def test_cores_are_those_a_process_may_use(files: dict[str, str], cores: float) -> None:
    assert environment({}, {**FILES, **GROUPS, **files}.get)["cores"] == cores


@pytest.mark.parametrize(
    ("file", "text", "mib"),
    [
        ("/sys/fs/cgroup/memory.max", "2147483648\n", 2048),
        ("/sys/fs/cgroup/job/memory.max", "2147483649\n", 2048),
        ("/sys/fs/cgroup/memory.max", "max\n", 15755),
        ("/sys/fs/cgroup/memory.max", "17179869184\n", 15755),
    ],
)
def test_memory_is_what_a_container_may_use(file: str, text: str, mib: int) -> None:
    assert environment({}, {**FILES, **GROUPS, file: text}.get)["memory_mib"] == mib


@pytest.mark.parametrize(
    ("environ", "file", "container"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "/.dockerenv", "kubernetes"),
        ({}, "/.dockerenv", "docker"),
        ({}, "/run/.containerenv", "podman"),
        ({"container": "lxc"}, "/nothing", "lxc"),
    ],
)
def test_container_hints(environ: dict[str, str], file: str, container: str) -> None:
    assert environment(environ, {**FILES, file: ""}.get)["container"] == container


def test_arm_cores_are_distinguished_by_their_part_numbers() -> None:
    arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n"
    assert environment({}, {**FILES, "/proc/cpuinfo": arm}.get)["cpu_model"].endswith("0x41 0x3 0xd0c")


def test_variables_that_matter_are_kept_and_secrets_are_not() -> None:
    given = {"TF_ENABLE_ONEDNN_OPTS": "0", "OMP_NUM_THREADS": "1", "TF_VAR_password": "x", "MALLOC_SECRET": "x"}
    kept = environment(given, FILES.get)["variables"]
    assert kept == {"TF_ENABLE_ONEDNN_OPTS": "0", "OMP_NUM_THREADS": "1"}


def test_without_system_files_the_facts_come_from_the_platform() -> None:
    facts = environment({}, lambda _: None)
    assert facts["cpu_model"]
    assert facts["cores"] >= 1
    assert facts["memory_mib"] > 0
    assert facts["os"]
    assert facts["governor"] is None


def test_this_machine_has_a_fingerprint_that_stays() -> None:
    first, second = (fingerprint(environment(os.environ), {}) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"cpu_model": "other"}, False),
        ({"cores": 8}, False),
        ({"memory_class_gib": 64}, False),
        ({"tensorflow": "2.20.0"}, False),
        ({"kernel": "6.2", "python": "3.12", "load_average": 9.0, "memory_mib": 1, "governor": "powersave"}, True),
    ],
)
def test_fingerprint_covers_stable_facts_only(change: dict[str, object], *, same: bool) -> None:
    facts = environment({}, FILES.get)
    assert (fingerprint({**facts, **change}, {}) == fingerprint(facts, {})) is same


def test_fingerprint_covers_the_server_settings_in_any_order() -> None:
    facts = environment({}, FILES.get)
    one = fingerprint(facts, {"rpc_threads": 4, "cpus": (0, 1)})
    assert len(one) == 16
    assert one == fingerprint(facts, {"cpus": [0, 1], "rpc_threads": 4})
    assert one != fingerprint(facts, {"cpus": [0, 1], "rpc_threads": 5})


def test_settings_count_as_they_work(tmp_path: Path) -> None:
    """Explicit defaults change nothing, and a batching file counts by its content, wherever it is."""
    facts = environment({}, FILES.get)
    assert fingerprint(facts, Server().model_dump(mode="json")) == fingerprint(facts, {})
    one, other = tmp_path / "one", tmp_path / "other"
    for file in (one, other):
        file.write_text("max_batch_size { value: 32 } num_batch_threads { value: 2 }")
    found = [fingerprint(facts, {"batching_parameters_file": str(file)}) for file in (one, other)]
    assert found[0] == found[1] == fingerprint(facts, {"batching": {"max_batch_size": 32}})
    other.write_text("max_batch_size { value: 64 }")
    assert fingerprint(facts, {"batching_parameters_file": str(other)}) != found[0]


def test_differences_name_stable_fields_first_and_leave_the_load_out() -> None:
    a = environment({}, FILES.get)
    b = {**a, "kernel": "7", "tensorflow": "2.20.0", "load_average": 9.0}
    assert differences(a, b) == (
        ("tensorflow", a["tensorflow"], "2.20.0"),
        ("kernel", "6.1.0-18", "7"),
    )
    assert [field for field, *_ in differences(a, b, STABLE)] == ["tensorflow"]
    assert differences(a, a) == ()
