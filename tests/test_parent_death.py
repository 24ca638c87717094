"""A grandchild that asks for a signal: it ends with its parent, whether that dies before or after it asks."""

import subprocess
import sys

import pytest

GRANDCHILD = """
import os, signal, sys, time
from perfgate.parent_death import die_with_parent
parent = int(sys.argv[1])
{before}
die_with_parent(parent, signal.{number})
print("asked", flush=True)
time.sleep(60)
"""
CHILD = """
import os, signal, subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())], stdout=subprocess.PIPE)
{wait}
print(grandchild.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("number", ["SIGKILL", "SIGTERM"])
def test_a_process_ends_when_its_parent_dies(number: str) -> None:
    wait = "assert grandchild.stdout.readline() == b'asked\\n'"
    grandchild = GRANDCHILD.format(before="", number=number)
    done = run_child(CHILD.format(wait=wait), grandchild)

    assert done.stdout.strip().isdigit()  # and its standard error has been closed: the grandchild is gone


def test_a_process_whose_parent_died_before_it_asks_exits() -> None:
    before = "while os.getppid() == parent: time.sleep(0.01)"
    done = run_child(CHILD.format(wait=""), GRANDCHILD.format(before=before, number="SIGKILL"))

    assert done.stdout.strip().isdigit()


def run_child(program: str, grandchild: str) -> subprocess.CompletedProcess[str]:
    """Run the child until nobody holds its standard error any more: 10 s at most, while a grandchild sleeps for 60."""
    return subprocess.run(
        [sys.executable, "-c", program, grandchild], capture_output=True, text=True, timeout=10, check=False
    )
