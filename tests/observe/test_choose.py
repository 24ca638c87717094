from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perfgate.observe.choose import GroupAndProcess, observer_of, thread_cpu_ms_of
from perfgate.observe.control_group import ControlGroupAccounts
from perfgate.observe.nothing import NoAccounts
from perfgate.observe.process import ProcessAccounts
from perfgate.observe.prometheus import PrometheusAccounts
from perfgate.observe.tree import TreeAccounts
from perfgate.trials import Subject

_GONE = 2**22 + 1


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        (Subject(os.getpid()), ProcessAccounts),
        (Subject(os.getpid(), tree=True), TreeAccounts),
        (Subject(os.getpid(), prometheus_url="http://127.0.0.1:1/"), ProcessAccounts),
        (Subject(cgroup=Path("/nowhere")), ControlGroupAccounts),
        (Subject(os.getpid(), cgroup=Path("/nowhere")), GroupAndProcess),
        (Subject(prometheus_url="http://127.0.0.1:1/"), PrometheusAccounts),
        (Subject(), NoAccounts),
        (Subject(tree=True), NoAccounts),
    ],
)
def test_the_most_informative_observer_is_chosen(subject: Subject, kind: type) -> None:
    assert type(observer_of(subject, gpu=lambda: None)) is kind


@pytest.mark.parametrize(
    "subject", [Subject(), Subject(_GONE), Subject(_GONE, tree=True), Subject(_GONE, cgroup=Path("/nowhere"))]
)
def test_what_is_not_there_is_unknown_never_an_error(subject: Subject) -> None:
    observer = observer_of(subject)
    assert math.isnan(observer.cpu_ms())
    assert math.isnan(observer.memory().rss_mb)
    assert math.isnan(observer.usage().minor_faults)


def test_threads_of_a_tree_are_those_of_all_its_processes() -> None:
    busy = (
        "import time; e = time.process_time() + 0.05\nwhile time.process_time() < e: pass\nprint(flush=True); input()"
    )
    parent = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"]
    with subprocess.Popen(parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the child has finished its work, and waits
        alone, tree = (thread_cpu_ms_of(Subject(process.pid, tree=each)) for each in (False, True))
        process.communicate(b"\n")
    if not alone:
        pytest.skip("the kernel keeps no scheduler statistics")
    assert sum(tree.values()) >= sum(alone.values()) + 50
    assert thread_cpu_ms_of(Subject()) == {}


def test_nothing_named_is_nothing_known() -> None:
    assert observer_of(Subject()).missing == ("CPU time", "memory")


def test_a_group_counts_cpu_and_memory_and_its_process_the_rest(tmp_path: Path) -> None:
    files = {"cpu.stat": "usage_usec 5000\nthrottled_usec 3000\n", "memory.current": "1048576\n", "cgroup.procs": ""}
    for name, contents in files.items():
        (tmp_path / name).write_text(contents)
    both = observer_of(Subject(os.getpid(), cgroup=tmp_path))
    assert both.cpu_ms() == 5
    assert both.memory().rss_mb == 1
    usage = both.usage()
    assert usage.throttled_ms == 3
    assert usage.minor_faults > 100
    assert usage.voluntary_switches >= 0
    assert both.missing == ()


def test_what_a_group_does_not_count_its_process_does(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 5000\n")
    both = observer_of(Subject(os.getpid(), cgroup=tmp_path))
    assert both.cpu_ms() == 5
    assert both.memory().rss_mb > 5
    assert both.missing == ()
