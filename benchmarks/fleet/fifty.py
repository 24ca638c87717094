"""Fifty models on this machine, killed several times and started again: `python -m benchmarks.fleet.fifty`.

Whoever kills does not wait for a convenient moment: SIGKILL comes at random instants. What was measured before must be
there afterwards, unchanged, and nothing may go on running.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import psutil

from benchmarks.fleet.models import make_fleet
from perfgate.fleet import document

_ORPHANS_GONE_S = 30.0


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports/fifty"), show_default=True)
@click.option("--gates", default=50, show_default=True)
@click.option("--slower", default=8, show_default=True)
@click.option("--budget", default="15s", show_default=True)
@click.option("--replicas", default=6, show_default=True)
@click.option("--kills", default=5, show_default=True, help="How often it is killed, 100 s apart in the mean.")
@click.option("--seed", default=1, show_default=True, help="Of the instants.")
def main(out: Path, gates: int, slower: int, budget: str, replicas: int, kills: int, seed: int) -> None:  # noqa: PLR0913, PLR0917 - one parameter for each option
    """Measure the fleet, kill it, and check that nothing was lost."""
    out.mkdir(parents=True, exist_ok=True)
    file, slow = make_fleet(out, gates, slower, "", f'budget_s = "{budget}"\nreplicas = {replicas}')
    command = [sys.executable, "-m", "perfgate", "fleet", str(file), "--out", str(out / "report")]
    rng, known, orphans = random.Random(seed), dict[Path, bytes](), 0  # noqa: S311 - no secret
    began_s, killed = time.monotonic(), 0
    while True:
        process = subprocess.Popen([*command, "--junit", str(out / "junit.xml")])
        try:
            code = process.wait(rng.expovariate(1 / 100) if killed < kills else None)
            break
        except subprocess.TimeoutExpired:
            children = _children(process.pid)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
            orphans += _left(children)
            known |= _facts(out)
            print(f"killed: {len(known)} measurements are kept", flush=True)
    wall_s, answer = time.monotonic() - began_s, document.read(out / "report")
    final = _facts(out)
    failed = {gate.model_name for gate in answer.gates if gate.verdict == "fail"}
    undecided = [gate.gate_id for gate in answer.gates if gate.verdict == "inconclusive"]
    print(f"exit code {code}, {wall_s:.0f} s, killed {killed} times")
    print(f"failed: {sorted(failed)}\nslower: {sorted(slow)}\nundecided: {undecided}")
    print(
        f"measured before a kill and changed afterwards: {sum(final.get(path) != text for path, text in known.items())}"
    )
    print(f"processes left {_ORPHANS_GONE_S:.0f} s after a kill: {orphans}")
    print(f"index: {(out / 'report' / 'index.html').stat().st_size / 1e3:.0f} kB")


def _children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def _left(processes: list[psutil.Process]) -> int:
    _, alive = psutil.wait_procs(processes, timeout=_ORPHANS_GONE_S)
    return len(alive)


def _facts(out: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in out.glob("report/gates/*/[0-9]*/measured.json")}


if __name__ == "__main__":
    main()
