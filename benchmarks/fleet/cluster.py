"""A fleet on a local Ray cluster of three nodes, one of which is killed half-way: `python -m benchmarks.fleet.cluster`.

The three nodes share this machine, and each says that it has all of its cores: nothing but the locks on cores keeps
measurements from running beside each other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from ray.cluster_utils import Cluster

from benchmarks.fleet.models import make_fleet
from perfgate.fleet import document
from perfgate.fleet.answer import FleetAnswer

_STORE_BYTES = 80 * 2**20


@click.command()
@click.option("--gates", default=12, show_default=True)
@click.option("--slower", default=2, show_default=True)
@click.option("--budget", default="8s", show_default=True)
@click.option("--kill/--no-kill", default=True, help="Kill a node when half of the gates are measured.")
def main(gates: int, slower: int, budget: str, *, kill: bool) -> None:
    """Measure, kill a node half-way, and check the records."""
    cores = len(os.sched_getaffinity(0))
    with TemporaryDirectory(prefix="perfgate-cluster-") as folder:
        out = Path(folder)
        defaults = f'budget_s = "{budget}"\nreplicas = 4\ncores = {cores}'
        file, slow = make_fleet(out, gates, slower, "rounds = 1", defaults)
        cluster: Any = Cluster(initialize_head=True, head_node_args=_node(0))
        nodes = [cluster.add_node(**_node(cores)) for _ in range(3)]
        try:
            command = [sys.executable, "-m", "perfgate", "fleet", str(file), "--engine", "ray"]
            process = subprocess.Popen([*command, "--address", cluster.address, "--out", str(out / "report")])
            while kill and process.poll() is None:
                if len(list(out.glob("report/gates/*/1/measured.json"))) >= gates // 2:
                    print(f"killing a node: {gates // 2} gates are measured", flush=True)
                    cluster.remove_node(nodes[0], allow_graceful=False)
                    break
                time.sleep(0.5)
            code = process.wait()
        finally:
            cluster.shutdown()
        answer = document.read(out / "report")
    _check(answer, slow, code)


def _node(cores: int) -> dict[str, Any]:
    return {"num_cpus": cores, "object_store_memory": _STORE_BYTES, "include_dashboard": False}


def _check(answer: FleetAnswer, slow: frozenset[str], code: int) -> None:
    failed = {gate.model_name for gate in answer.gates if gate.verdict == "fail"}
    spans = [
        (each.began_utc, each.ended_utc, set(each.cpus), gate.gate_id)
        for gate in answer.gates
        for each in gate.measurements
    ]
    spans.sort()
    beside = [
        (one[3], other[3])
        for place, one in enumerate(spans)
        for other in spans[place + 1 :]
        if other[0] < one[1] and one[2] & other[2]
    ]
    again = [gate.gate_id for gate in answer.gates if any(each.attempts > 1 for each in gate.measurements)]
    where = sorted({each.node for gate in answer.gates for each in gate.measurements})
    print(f"exit code {code}; verdict {answer.verdict}; {len(answer.gates)} gates")
    print(f"failed: {sorted(failed)}; slower ones: {sorted(slow)}")
    print(f"one measurement a gate: {all(len(gate.measurements) == 1 for gate in answer.gates)}")
    print(f"measured again: {again}; nodes: {where}")
    print(f"beside each other on the same cores: {beside or 'none'}")
    overhead = answer.seconds / answer.measured_s - 1
    print(f"wall {answer.seconds:.0f} s, sum of the measurements {answer.measured_s:.0f} s: {100 * overhead:+.1f} %")


if __name__ == "__main__":
    main()
