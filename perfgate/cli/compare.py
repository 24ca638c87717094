"""`perfgate compare`: two versions side by side."""

from __future__ import annotations

import click

from perfgate.cli.completing import paths
from perfgate.cli.options import engine_options, judging_options, measuring_options, store_option


@click.command("compare")
@click.argument("old", shell_complete=paths)
@click.argument("new", shell_complete=paths)
@store_option
@measuring_options
@engine_options
@judging_options
def command(old: str, new: str, **options: object) -> int:
    """Compare two model versions side by side; no baseline store needed.

    OLD and NEW are SavedModel directories, TF-Serving base paths (the highest version wins) or .keras files; or both
    are running servers: grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME. The store is only read for a
    calibration.
    """
    from perfgate.cli.ahead import fork_server_ahead  # noqa: PLC0415 - instant --help

    options["ahead"] = fork_server_ahead(options, old, new)
    from perfgate.cli.measuring import gate_options_of, host_of  # noqa: PLC0415 - while it imports TensorFlow
    from perfgate.pipeline.answer import answer_all  # noqa: PLC0415

    shared, host = gate_options_of(options), host_of(options)
    return answer_all(shared.comparisons(host, baseline=old, candidate=new), shared, host)
