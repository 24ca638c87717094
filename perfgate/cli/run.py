"""`perfgate run`: the CI gate."""

from __future__ import annotations

import click

from perfgate.cli.completing import baselines, paths
from perfgate.cli.options import judging_options, measuring_options, store_option


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
@click.option("--no-baseline", is_flag=True, help="Compare with nothing: judge the objectives only.")
@store_option
@measuring_options
@judging_options
def command(  # noqa: PLR0913 - click's
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
    model is measured again beside it, so that the machine's mood hits both alike; where the store has its numbers only,
    the intervals carry what the machine may have changed since. With --no-baseline or --against a running server, MODEL
    may be one too: grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME.
    """
    from perfgate.cli.ahead import fork_server_ahead  # noqa: PLC0415 - instant --help

    asked = {"--against": against, "--no-baseline": no_baseline, "--numbers-only": numbers_only}
    if len(given := [flag for flag, value in asked.items() if value]) > 1:
        raise click.UsageError(f"give {given[0]} or {given[1]}, not both")
    options["ahead"] = fork_server_ahead(options, model, *([against] if against else []))
    from perfgate.baseline.store import Store  # noqa: PLC0415 - while it imports TensorFlow
    from perfgate.cli.measuring import Options, answer_all  # noqa: PLC0415
    from perfgate.cli.stored import recording_command, with_stored  # noqa: PLC0415
    from perfgate.gate.objectives import judged  # noqa: PLC0415

    shared = Options.of_a_gate({**options, "store": None if no_baseline else store})
    if against:
        return answer_all(shared.questions(baseline=against, candidate=model), shared)
    questions = shared.questions(candidate=model)
    if not no_baseline:  # all are looked up before anything is measured
        kept = Store(store)
        compared = [
            with_stored(q, kept, name, recording_command(q, shared, name, kept.url), numbers_only=numbers_only)
            for q in questions
        ]
        return answer_all(compared, shared)
    if bare := [question.scenario.name for question in questions if not judged(question.scenario.objectives)]:
        raise click.UsageError(f"nothing to judge: --no-baseline, and scenario {bare[0]} has no [objectives]")
    return answer_all(questions, shared)
