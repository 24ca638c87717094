"""`python -m benchmarks.plan.forms`: a comfortable, a marginal and an impossible sketch, each in all three forms.

The width decides: of the marginal one it is the limit that `--scale` found, so that any answer may be right, but not a
wide margin. Prints one row for each plan, about a minute each.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

from perfgate.formatting import measured, quantity
from perfgate.planning.answer import PlanAnswer
from perfgate.results import plan_document

_SCENARIO = """
[payload]
batch_size = 8

[load]
arrivals = "poisson"
rate_rps = 300

[objectives.latency_p99_ms]
max = 12
"""
_TOML = """
[inputs.features]
shape = [64]

[layers]
width = {width}
depth = 3
"""
_PYTHON = """
import keras


def ranker(width: int = {width}) -> keras.Model:
    features = keras.Input((64,), name="features")
    hidden = features
    for number in range(1, 4):
        hidden = keras.layers.Dense(width, "relu", name=f"layers_{{number}}")(hidden)
    return keras.Model({{"features": features}}, {{"score": keras.layers.Dense(1, name="score")(hidden)}})
"""
_SAVE = "import sys; sys.path.insert(0, '.'); import {name}; {name}.ranker().save('{name}.keras')"


def written(home: Path, name: str, width: int) -> tuple[str, ...]:
    """Write one sketch in three forms; return what `perfgate plan` is given."""
    (home / f"{name}.toml").write_text(_TOML.format(width=width))
    (home / f"{name}.py").write_text(_PYTHON.format(width=width))
    subprocess.run([sys.executable, "-c", _SAVE.format(name=name)], cwd=home, check=True, capture_output=True)
    return f"{name}.toml", f"{name}.py", f"{name}.keras"


def planned(home: Path, sketch: str, budget: float) -> PlanAnswer:
    """Plan one sketch."""
    out = home / f"plan-{sketch}"
    command = [sys.executable, "-P", "-m", "perfgate", "plan", sketch, "-s", "scenario.toml", "--no-progress", "-q"]
    done = subprocess.run(
        [*command, "--budget", f"{budget}s", "--out", str(out)], cwd=home, check=False, capture_output=True, text=True
    )
    if done.returncode not in {0, 3, 4}:
        raise SystemExit(f"{sketch} ended with {done.returncode}: {done.stderr.splitlines()[-1:]}")
    return plan_document.read(out)


def row(name: str, found: PlanAnswer) -> str:
    """Write one answer as a row."""
    (objective,) = found.objectives
    capacity = next((each for each in found.promises if each.metric == "capacity_rps"), None)
    carries = measured(capacity.value, capacity.lower, capacity.upper, capacity.metric) if capacity else "-"
    execution = next(each for each in found.promises if each.metric == "execute_ms")
    cells = (
        name,
        found.sketch.kind,
        f"{found.sketch.parameters:,}",
        objective.status.value + (" by the capacity" if objective.by_capacity else ""),
        quantity(objective.value, objective.metric),
        quantity(execution.value, execution.metric),
        carries,
        f"{found.needed.servers}" if found.needed else "-",
    )
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--budget", default=60.0, show_default=True, help="Seconds to measure each plan.")
@click.option("--widths", nargs=3, type=int, default=(256, 1100, 4096), show_default=True)
def main(budget: float, widths: tuple[int, int, int]) -> None:
    """Print the table."""
    home = Path(tempfile.mkdtemp(prefix="perfgate-forms-"))
    (home / "scenario.toml").write_text(_SCENARIO)
    print("| sketch | form | parameters | p99 at most 12 ms | p99 | execution | capacity (95 %) | servers |")
    print("|" + "---|" * 8, flush=True)
    for name, width in zip(("comfortable", "marginal", "impossible"), widths, strict=True):
        for sketch in written(home, name, width):
            print(row(name, planned(home, sketch, budget)), flush=True)


if __name__ == "__main__":
    main()
