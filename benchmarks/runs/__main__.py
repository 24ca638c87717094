"""`python -m benchmarks.runs RESULT.json`: times whole commands over many runs made from one."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks.runs.made import write_runs
from perfgate.formatting import duration

COMMANDS = {
    "first list, which makes the index": ("runs",),
    "list": ("runs",),
    "filtered list": ("runs", "--model", "ranker7", "--verdict", "fail", "--since", "2026-03-01"),
    "all as CSV": ("runs", "--csv"),
    "first export": ("export", "--parquet", "{out}"),
    "the same export again": ("export", "--parquet", "{out}"),
}


@click.command()
@click.argument("like", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--runs", "count", type=click.IntRange(1), default=100_000, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Of what can be repeated.")
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), help="Where to write; default: /tmp.")
def main(like: Path, count: int, repeats: int, directory: Path | None) -> None:
    """Write runs like the one in LIKE, some 100 kB each, time the commands, and delete the runs."""
    with tempfile.TemporaryDirectory(prefix="perfgate-runs-", dir=directory) as scratch:
        size = write_runs(Path(scratch) / "reports", count, like)
        print(f"{count:,} runs, {size / 1e9:.2f} GB; {os.cpu_count()} CPUs", flush=True)
        for name, times_s, cpu_s in timed(Path(scratch), repeats):
            wall, load = ", ".join(map(duration, times_s)), os.getloadavg()[0]
            print(f"{name}: {wall}; CPU time {duration(cpu_s)} each (load average {load:.1f})", flush=True)


def timed(scratch: Path, repeats: int) -> Iterator[tuple[str, list[float], float]]:
    """Run each command and yield its wall times and mean CPU time, with the start of Python and perfgate."""
    for name, words in COMMANDS.items():
        arguments = [words[0], str(scratch / "reports"), *(w.format(out=scratch / "out") for w in words[1:])]
        times_s, before_s = [], _cpu_s()
        for _ in range(1 if "first" in name else repeats):
            began_s = time.perf_counter()
            subprocess.run([sys.executable, "-m", "perfgate", *arguments], check=True, capture_output=True)
            times_s.append(time.perf_counter() - began_s)
        yield name, times_s, (_cpu_s() - before_s) / len(times_s)


def _cpu_s() -> float:
    """Return the CPU time of all commands so far: unlike wall time, it hardly depends on other work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
