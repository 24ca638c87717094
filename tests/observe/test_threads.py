from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from perfgate.observe.threads import Switches, folded, thread_cpu_ms


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rpc_0", "rpc"),
        ("rpc_17", "rpc"),
        ("tf_Compute", "tf_Compute"),
        ("tf2xla", "tf2xla"),
        ("kworker/0:1", "kworker"),
        ("pool-12-thread-3", "pool-thread"),
        ("grpc10", "grpc"),
        ("42", "42"),
    ],
)
def test_digits_that_count_threads_are_folded(name: str, kind: str) -> None:
    assert folded(name) == kind


def _thread(proc: Path, tid: int, name: str, schedule: str, switches: tuple[int, int] = (0, 0)) -> None:
    task = proc / f"5/task/{tid}"
    task.mkdir(parents=True, exist_ok=True)
    (task / "comm").write_text(name + "\n")
    (task / "schedstat").write_text(schedule)
    lines = f"Name:\t{name}\nvoluntary_ctxt_switches:\t{switches[0]}\nnonvoluntary_ctxt_switches:\t{switches[1]}\n"
    (task / "status").write_text(lines)


def test_cpu_time_is_added_up_by_kind_most_first(tmp_path: Path) -> None:
    _thread(tmp_path, 5, "python", "1000000 0 1\n")
    _thread(tmp_path, 6, "rpc_0", "2000000 0 1\n")
    _thread(tmp_path, 7, "rpc_1", "3500000 0 1\n")
    _thread(tmp_path, 8, "idle", "0 0 0\n")
    (tmp_path / "5/task/9").mkdir()  # it ended while it was being read
    used = thread_cpu_ms(5, tmp_path)
    assert list(used.items()) == [("rpc", 5.5), ("python", 1.0)]
    assert thread_cpu_ms(6, tmp_path) == {}


def test_switches_of_threads_that_ended_stay(tmp_path: Path) -> None:
    _thread(tmp_path, 5, "a", "", (10, 1))
    _thread(tmp_path, 6, "b", "", (100, 20))
    switches = Switches(5, tmp_path)
    assert switches.count() == (110, 21)
    for file in (tmp_path / "5/task/6").iterdir():
        file.unlink()
    assert switches.count() == (110, 21)
    _thread(tmp_path, 6, "another", "", (3, 0))  # the number is reused
    assert switches.count() == (113, 21)
    _thread(tmp_path, 6, "a third", "", (2, 0))  # and reused again, unobserved in between
    assert switches.count() == (115, 21)
    assert Switches(6, tmp_path).count() is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own accounts")
def test_threads_of_this_process_have_used_its_cpu_time() -> None:
    stop = threading.Event()

    def work() -> None:
        began_s = time.thread_time()
        while time.thread_time() - began_s < 0.03:
            pass
        stop.wait(10)

    worker = threading.Thread(target=work)
    worker.start()
    while not sum(thread_cpu_ms(os.getpid()).values()) > 30:
        time.sleep(0.01)
    used_ms = sum(thread_cpu_ms(os.getpid()).values())
    stop.set()
    worker.join()
    assert 30 < used_ms <= time.process_time() * 1e3 + 1
