"""`perfgate plan`: whether a model that is not trained yet would hold its objectives."""

from __future__ import annotations

import click

from perfgate.cli.completing import paths
from perfgate.cli.options import Duration, measuring_options, store_option


@click.command("plan")
@click.argument("sketch", metavar="SKETCH|PLAN", required=False, shell_complete=paths)
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Another value for a dimension of the sketch.")
@click.option(
    "--scale", "scales", multiple=True, metavar="NAME=LOW..HIGH",
    help="Find the largest value of a dimension that holds; given twice, the frontier of two.",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="Keep the plan in the store, for --check.")
@click.option(
    "--check", "model", metavar="MODEL", shell_complete=paths,
    help="Compare a trained model with its plan: PLAN's directory, or the newest of the scenario in the store.",
)  # fmt: skip
@click.option("--build-timeout", type=Duration(), default="2min", show_default=True, help="Time to build a model.")
@store_option
@measuring_options
def command(  # noqa: PLR0913 - one parameter for each option
    sketch: str | None,
    *,
    sets: tuple[str, ...],
    scales: tuple[str, ...],
    keep: bool,
    model: str | None,
    build_timeout: float,
    store: str,
    **options: object,
) -> int:
    """Build an untrained model from SKETCH, and measure whether it holds the scenario's objectives.

    SKETCH is a TOML file (docs/reference/sketch.md), a Python file with a function that returns a keras.Model or a
    tf.Module (FILE.py:FUNCTION; it is run, like any program), or a .keras file. Takes two minutes, or --budget; with
    --scale, three for one dimension, and 14 for two.
    """
    from perfgate.cli.ahead import fork_server_ahead  # noqa: PLC0415 - instant --help

    if sketch is None and model is None:
        raise click.UsageError("Missing argument 'SKETCH'")
    if (given := [name for name, used in (("--set", sets), ("--scale", scales), ("--keep", keep)) if used]) and model:
        raise click.UsageError(f"{given[0]} is for a sketch; --check takes what was planned")
    if keep and scales:
        raise click.UsageError("--scale promises nothing to keep: plan with the size that it finds")
    options["ahead"] = fork_server_ahead(options, *([model] if model else []))
    from perfgate.cli.measuring import host_of, options_of  # noqa: PLC0415 - while it imports TensorFlow
    from perfgate.pipeline.plan_command import Question, answer  # noqa: PLC0415
    from perfgate.sketch.dimensions import parse_scale, parse_sets  # noqa: PLC0415

    values, ranges = parse_sets(sets), tuple(map(parse_scale, scales))
    question = Question(sketch, values, ranges, build_timeout, model, keep, store)
    return answer(question, options_of(options), host_of(options))
