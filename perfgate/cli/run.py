"""`perfgate run`: the CI gate."""

from __future__ import annotations

import click

from perfgate.cli.completing import baselines, paths
from perfgate.cli.options import engine_options, judging_options, measuring_options, store_option


@click.command("run")
@click.argument("model", shell_complete=paths)
@click.option(
    "--baseline", "name", default="default", show_default=True, envvar="PERFGATE_BASELINE", metavar="NAME",
    shell_complete=baselines, help="Stored baseline to compare with.",
)  # fmt: skip
@click.option(
    "--against", metavar="MODEL", shell_complete=paths, help="Compare with this model instead of a stored baseline."
)
@click.option(
    "--numbers-only", is_flag=True, help="Compare with the stored numbers, without measuring the stored model again."
)
@click.option("--no-baseline", is_flag=True, help="Do not compare: judge only the objectives.")
@store_option
@measuring_options
@engine_options
@judging_options
def command(  # noqa: PLR0913 - one parameter for each option
    model: str,
    name: str,
    store: str,
    *,
    against: str | None,
    numbers_only: bool,
    no_baseline: bool,
    **options: object,
) -> int:
    """Measure MODEL, compare it with its baseline, judge, report: the CI gate.

    MODEL is a SavedModel directory, a TF-Serving base path (the highest version wins) or a .keras file. The stored
    model is measured again beside it, so that machine noise affects both equally; where the store has only its numbers,
    the intervals include how much the machine may have changed since. With --no-baseline or --against a running server,
    MODEL may be a running server too: grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME.
    """
    from perfgate.cli.ahead import fork_server_ahead  # noqa: PLC0415 - instant --help

    asked = {"--against": against, "--no-baseline": no_baseline, "--numbers-only": numbers_only}
    if len(given := [flag for flag, value in asked.items() if value]) > 1:
        raise click.UsageError(f"{given[0]} and {given[1]} cannot be used together")
    options["ahead"] = fork_server_ahead(options, model, *([against] if against else []))
    from perfgate.cli.measuring import gate_options_of, host_of  # noqa: PLC0415 - while it imports TensorFlow
    from perfgate.pipeline.answer import answer_all  # noqa: PLC0415
    from perfgate.pipeline.stored import all_with_stored, ensure_judged  # noqa: PLC0415

    shared, host = gate_options_of({**options, "store": None if no_baseline else store}), host_of(options)
    if against:
        return answer_all(shared.comparisons(host, baseline=against, candidate=model), shared, host)
    alone = shared.comparisons(host, candidate=model)
    if no_baseline:
        ensure_judged(alone)
        return answer_all(alone, shared, host)
    return answer_all(all_with_stored(alone, store, name, shared, host, numbers_only=numbers_only), shared, host)
