"""Run built pairs as a replica does: `python -m tests.explain.faults.probe DIR [NAMES...]`.

Shows for each pair the time of an execution and of the first one, whether the outputs are equal, and how the operations
of the optimised graphs differ, so that one sees that a fault is really there.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.stats import trim_mean
from tensorflow.core.protobuf.config_pb2 import CallableOptions, RunMetadata, RunOptions

from perfgate.model.kernels import written_op
from perfgate.model.saved_model import open_model, signature
from perfgate.payload.inputs import filled_inputs
from perfgate.payload.random_inputs import random_array
from perfgate.payload.shapes import request_shape
from perfgate.scenario.files import load_scenario
from perfgate.server.servable import Servable
from tests.explain.faults.__main__ import asked
from tests.explain.faults.pairs import Pair

KEY = "serving_default"


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found out about one model."""

    execute_ms: float
    """10 % trimmed mean; not measured: not a number."""
    first_ms: float
    ops: Counter[str] = field(default_factory=Counter)
    """Number of nodes by type in the optimised graph."""
    outputs: tuple[Any, ...] = ()
    """Of the first request."""


def requests(directory: Path, scenario_file: Path) -> list[list[Any]]:
    """Return the arrays of the scenario's requests, in the order of the inputs' names."""
    payload = load_scenario(str(scenario_file), ()).payload
    inputs = filled_inputs(signature(open_model(str(directory), directory.parent), KEY), payload)
    rng = np.random.default_rng(0)

    def one() -> list[Any]:
        by_name = {
            each.tensor.name: random_array(
                each.tensor, request_shape(each.tensor, each.spec, payload.batch_size), each.spec, rng
            )
            for each in inputs
        }
        return [by_name[name] for name in sorted(by_name)]

    return [one() for _ in range(payload.distinct)]


def traced(servable: Servable, arrays: list[Any]) -> RunMetadata:
    """Execute it with a trace, as optimised by Grappler for all its outputs."""
    found = servable.signatures[KEY]
    options = CallableOptions(
        feed=[found.inputs[name].name for name in sorted(found.inputs)],
        fetch=[found.outputs[name].name for name in sorted(found.outputs)],
        run_options=RunOptions(trace_level=RunOptions.SOFTWARE_TRACE, output_partition_graphs=True),
    )
    call, metadata = servable.session._make_callable_from_options(options), RunMetadata()
    call(*arrays)
    call(*arrays, run_metadata=metadata)
    return metadata


def probed(directories: list[Path], sent: list[list[Any]], rounds: int) -> list[Probed]:
    """Load the models side by side and execute them in turn."""
    servables = [Servable(directory, ["serve"], 1, 1) for directory in directories]
    runs = [servable.endpoint(KEY).run for servable in servables]

    def timed_ms(run: Any, arrays: list[Any]) -> float:
        started_ns = time.perf_counter_ns()
        run(*arrays)
        return (time.perf_counter_ns() - started_ns) / 1e6

    first = [timed_ms(run, sent[0]) for run in runs]
    times = [[timed_ms(run, sent[index % len(sent)]) for run in runs] for index in range(rounds)][rounds // 10 :]
    means = [float(trim_mean(column, 0.1)) for column in zip(*times, strict=True)]
    found = []
    for servable, run, mean, start in zip(servables, runs, means, first, strict=True):
        graphs = traced(servable, sent[0]).partition_graphs
        ops = Counter(written_op(node.op) for graph in graphs for node in graph.node)
        found.append(Probed(mean, start, ops, (*run(*sent[0]),)))
    return found


def refusal(directory: Path) -> str:
    """Return why perfgate does not serve the model."""
    try:
        Servable(directory, ["serve"], 1, 1)
    except ValueError as error:
        return str(error)
    return "not refused"


def line(pair: Pair, home: Path, rounds: int) -> str:
    """Return a line on the pair: its times, and which operations are more or fewer."""
    old, new = home / pair.name / "old", home / pair.name / "new"
    if not pair.servable:
        return f"{pair.name:26} {refusal(new)}"
    before, after = probed([old, new], requests(old, pair.scenario_file), rounds)
    equal = all(np.allclose(one, other, 1e-3, 1e-5) for one, other in zip(before.outputs, after.outputs, strict=True))
    change = {op: after.ops[op] - before.ops[op] for op in sorted({*before.ops, *after.ops})}
    differing = " ".join(f"{op} {count:+d}" for op, count in change.items() if count)
    share = after.execute_ms / before.execute_ms - 1
    times = f"{before.execute_ms:6.3f} {after.execute_ms:6.3f} ms {share:+7.1%}"
    first = f"first {before.first_ms:6.1f} {after.first_ms:6.1f} ms"
    return f"{pair.name:26} {times}  {first}  {'equal' if equal else 'other'} outputs  {differing}"


@click.command()
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--rounds", default=600, show_default=True, help="Executions of each model.")
def main(home: Path, names: tuple[str, ...], rounds: int) -> None:
    """Print a line for each of the pairs NAMES in HOME."""
    for pair in asked(names or ("faults", "equal")):
        click.echo(line(pair, home, rounds))


if __name__ == "__main__":
    main()
