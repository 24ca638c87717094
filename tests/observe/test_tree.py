from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.observe.tree import TreeAccounts
from perfgate.trials import Subject

_TICK_MS = 10.0


@dataclass
class Machine:
    """Processes by number, in a directory like /proc; ticks of 10 ms, clocks without steps."""

    proc: Path
    own_ms: dict[int, float] = field(default_factory=dict)
    waited_ms: dict[int, float] = field(default_factory=dict)
    parent: dict[int, int] = field(default_factory=dict)
    started: int = 0

    def start(self, pid: int, parent: int) -> None:
        self.started += 1
        self.own_ms[pid] = self.waited_ms[pid] = 0.0
        self.parent[pid] = parent
        (self.proc / f"{pid}/task/{pid}").mkdir(parents=True)
        (self.proc / f"{pid}/start").write_text(str(self.started))
        (self.proc / f"{pid}/status").write_text("Name: x\nVmHWM: 2048 kB\nVmRSS: 1024 kB\n")
        (self.proc / f"{pid}/smaps_rollup").write_text(
            "Rss: 1024 kB\nPss: 512 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: 256 kB\n"
        )
        self._write(pid)

    def work(self, pid: int, ms: float) -> None:
        self.own_ms[pid] += ms

    def end(self, pid: int, *, waited: bool = True) -> None:
        shutil.rmtree(self.proc / str(pid))
        total, parent = self.own_ms.pop(pid) + self.waited_ms.pop(pid), self.parent.pop(pid)
        if waited and parent in self.waited_ms:
            self.waited_ms[parent] += total
            self._write(parent)
        for child in [child for child, its in self.parent.items() if its == pid]:
            self.parent[child] = 1
            self._write(child)

    def clock(self, pid: int) -> float:
        return self.own_ms.get(pid, math.nan)

    def accounts(self, pid: int) -> TreeAccounts:
        return TreeAccounts(Subject(pid, tree=True), self.proc, self.clock, _TICK_MS)

    def _write(self, pid: int) -> None:
        ticks, start = int(self.waited_ms[pid] / _TICK_MS), (self.proc / f"{pid}/start").read_text()
        line = f"{pid} (x) S {self.parent[pid]} 1 1 0 -1 0 7 0 1 0 0 0 {ticks} 0 20 0 1 0 {start} 0 0"
        (self.proc / f"{pid}/stat").write_text(line)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.start(10, 1)
    made.start(99, 1)  # not in the tree
    made.work(99, 1e6)
    return made


def test_children_and_grandchildren_count(machine: Machine) -> None:
    tree = machine.accounts(10)
    machine.work(10, 5)
    machine.start(11, 10)
    machine.start(12, 11)
    machine.work(11, 20)
    machine.work(12, 300)
    assert tree.cpu_ms() == 325
    assert sorted(tree.pids()) == [10, 11, 12]


def test_a_child_that_was_seen_keeps_its_nanoseconds_and_is_not_counted_twice(machine: Machine) -> None:
    tree = machine.accounts(10)
    machine.start(11, 10)
    machine.work(11, 33.3)
    assert tree.cpu_ms() == pytest.approx(33.3)
    machine.end(11)
    assert tree.cpu_ms() == pytest.approx(33.3)
    machine.start(12, 10)
    machine.work(12, 100)
    assert tree.cpu_ms() == pytest.approx(133.3)


def test_what_a_child_did_after_it_was_last_seen_is_not_lost(machine: Machine) -> None:
    tree = machine.accounts(10)
    machine.start(11, 10)
    assert tree.cpu_ms() == 0
    machine.work(11, 250)
    machine.end(11)
    assert tree.cpu_ms() == 250


def test_a_child_that_nobody_saw_counts_in_ticks(machine: Machine) -> None:
    tree = machine.accounts(10)
    machine.start(11, 10)
    machine.start(12, 11)
    machine.work(12, 57)
    machine.end(12)
    machine.end(11)
    assert tree.cpu_ms() == 50


def test_a_child_that_is_waited_for_later_is_not_counted_twice(machine: Machine) -> None:
    tree = machine.accounts(10)
    machine.start(11, 10)
    machine.work(11, 100)
    assert tree.cpu_ms() == 100
    machine.end(11, waited=False)
    assert tree.cpu_ms() == 100
    machine.waited_ms[10] += 120
    machine._write(10)
    assert tree.cpu_ms() == 120


def test_orphans_stay_in_the_tree(machine: Machine) -> None:
    tree = machine.accounts(10)
    machine.start(11, 10)
    machine.start(12, 11)
    assert tree.cpu_ms() == 0
    machine.end(11)
    machine.work(12, 40)
    assert tree.cpu_ms() == 40
    machine.end(12)
    assert tree.cpu_ms() == 40


def test_a_number_used_again_is_another_process(machine: Machine) -> None:
    tree = machine.accounts(10)
    machine.start(11, 10)
    machine.work(11, 100)
    assert tree.cpu_ms() == 100
    machine.end(11)
    machine.start(11, 99)
    machine.work(11, 5000)
    assert tree.cpu_ms() == 100
    assert tree.pids() == [10]


def test_memory_and_faults_are_sums_over_those_alive(machine: Machine) -> None:
    tree = machine.accounts(10)
    machine.start(11, 10)
    memory = tree.memory()
    assert (memory.rss_mb, memory.rss_peak_mb, memory.pss_mb, memory.uss_mb) == (2, 4, 1, 0.5)
    usage = tree.usage()
    assert (usage.minor_faults, usage.major_faults) == (14, 2)
    machine.end(11)
    memory = tree.memory()
    assert (memory.rss_mb, memory.rss_peak_mb) == (1, 4)
    assert tree.usage().minor_faults == 14


def test_a_tree_without_processes_is_unknown(machine: Machine) -> None:
    tree = machine.accounts(10)
    machine.end(10)
    assert math.isnan(tree.cpu_ms())
    assert math.isnan(tree.memory().rss_mb)
    assert math.isnan(tree.usage().minor_faults)
    assert math.isnan(machine.accounts(1234).cpu_ms())
    with pytest.raises(ValueError, match="no process"):
        TreeAccounts(Subject(tree=True))


_EVENT = st.tuples(
    st.sampled_from(["start", "work", "end", "end unwaited", "look"]), st.integers(0, 9), st.integers(0, 90)
)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(st.lists(_EVENT, max_size=40))
def test_the_cpu_time_of_a_tree_never_goes_back(events: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as proc:
        machine = Machine(Path(proc))
        machine.start(10, 1)
        tree, last, used = machine.accounts(10), 0.0, 0.0
        for kind, which, ms in events:
            pids = list(machine.own_ms)
            pid = pids[which % len(pids)]
            if kind == "start":
                machine.start(100 + machine.started, pid)
            elif kind == "work":
                machine.work(pid, ms)
                used += ms
            elif kind == "look":
                now = tree.cpu_ms()
                assert now >= last - 1e-9
                last = now
            elif pid != 10:
                machine.end(pid, waited=kind == "end")
        assert tree.cpu_ms() <= used + 1e-9


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(st.lists(_EVENT, max_size=40))
def test_nothing_is_lost_where_every_child_is_waited_for(events: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as proc:
        machine = Machine(Path(proc))
        machine.start(10, 1)
        tree, used, ended = machine.accounts(10), 0.0, 0
        for kind, which, ms in events:
            pids = list(machine.own_ms)
            pid = pids[which % len(pids)]
            if kind == "start":
                machine.start(100 + machine.started, pid)
            elif kind == "work":
                machine.work(pid, ms)
                used += ms
            elif kind == "look":
                tree.cpu_ms()
            elif pid != 10 and pid not in machine.parent.values():
                machine.end(pid)
                ended += 1
        assert used - _TICK_MS * (ended + 1) < tree.cpu_ms() <= used + _TICK_MS * (ended + 1)


_FAMILY = """
import os, sys, time
def burn(s):
    end = time.process_time() + s
    while time.process_time() < end: pass
def child(then):
    if not os.fork():
        then(); os._exit(0)
def grandparent():
    child(lambda: burn(0.05)); burn(0.05); os.wait()
for _ in range(2):
    child(grandparent); os.wait()
print("done", flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own accounts")
def test_a_real_family_that_comes_and_goes_is_counted() -> None:
    program = [sys.executable, "-c", _FAMILY]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as root:
        assert root.stdin is not None
        assert root.stdout is not None
        tree, readings = TreeAccounts(Subject(root.pid, tree=True)), []
        os.set_blocking(root.stdout.fileno(), False)
        while not root.stdout.read(10):
            readings.append(tree.cpu_ms())
            time.sleep(0.005)
        final_ms, memory, usage = tree.cpu_ms(), tree.memory(), tree.usage()
        root.stdin.write(b"\n")
        root.stdin.flush()
        _, _, used = os.wait4(root.pid, 0)
        root.returncode = 0
    assert readings == sorted(readings)
    assert final_ms > 4 * 50 - 20  # four burn 50 ms each; ticks round down
    assert abs(final_ms - (used.ru_utime + used.ru_stime) * 1e3) < 30
    assert memory.rss_mb > 3
    assert usage.minor_faults > 100
    assert math.isnan(tree.cpu_ms())
