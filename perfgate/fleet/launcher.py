"""Start one measurement with cores of its own: `-m perfgate.fleet.launcher PARENT_PID CORES COMMAND...`.

Waits until the cores are free, prints them and the instant in a line of JSON, and becomes the command. The process dies
with its parent: a fleet that was killed, or a node that went away, leaves no measurement behind.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from perfgate.fleet.cores import lock_folder, physical_cores, reserve
from perfgate.parent_death import die_with_parent


def main(arguments: list[str]) -> None:
    """Reserve, pin, and execute."""
    parent, count, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    die_with_parent(parent, signal.SIGTERM)
    cpus = reserve(physical_cores(os.sched_getaffinity(0)), count, lock_folder())
    os.sched_setaffinity(0, cpus)
    sys.stdout.write(json.dumps({"cpus": cpus, "began_s": time.time()}) + "\n")
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - what the fleet asked for


if __name__ == "__main__":
    main(sys.argv[1:])
