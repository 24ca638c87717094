"""`perfgate calibrate`: this machine's noise."""

from __future__ import annotations

import click

from perfgate.cli.completing import paths
from perfgate.cli.options import measuring_options, store_option


@click.command("calibrate")
@click.argument("model", shell_complete=paths)
@click.option(
    "--runs", type=click.IntRange(1, 20), default=3, show_default=True,
    help="Number of consecutive runs, each with new servers.",
)  # fmt: skip
@store_option
@measuring_options
def command(model: str, runs: int, store: str, **options: object) -> int:
    """Measure MODEL against itself: this machine's noise and smallest detectable effects.

    MODEL is a SavedModel directory, a TF-Serving base path (the highest version wins) or a .keras file. The result is
    kept in the store, and later runs of the same scenario on this machine report in advance what they can detect. Each
    run takes the full measuring time plus start-up and warm-up.
    """
    from perfgate.cli.ahead import fork_server_ahead  # noqa: PLC0415 - instant --help

    options["ahead"] = fork_server_ahead(options, model)
    from perfgate.cli.measuring import host_of, options_of  # noqa: PLC0415
    from perfgate.pipeline.calibrate import calibrate_all  # noqa: PLC0415 - while it imports TensorFlow

    return calibrate_all(model, runs, store, options_of(options), host_of(options))
