"""`perfgate run`: the CI gate."""

from __future__ import annotations

import click

from perfgate.cli.options import judging_options, measuring_options, store_option


@click.command("run")
@click.argument("model")
@click.option(
    "--baseline", "name", default="default", show_default=True, envvar="PERFGATE_BASELINE", metavar="NAME",
    help="Stored baseline to compare with.",
)  # fmt: skip
@click.option("--against", metavar="MODEL", help="Compare with this model instead of a stored baseline.")
@click.option("--no-baseline", is_flag=True, help="Compare with nothing: judge the objectives only.")
@store_option
@measuring_options
@judging_options
def command(model: str, name: str, against: str | None, no_baseline: bool, store: str, **options: object) -> int:  # noqa: FBT001 - click's
    """Measure MODEL, compare it with its baseline, judge, report: the CI gate.

    MODEL is a SavedModel directory, a TF-Serving base path (the highest version wins) or a .keras file. The stored
    model is measured again beside it, so that the machine's mood hits both alike. With --no-baseline or --against a
    running server, MODEL may be one too: grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME.
    """
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help
    from perfgate.cli.measuring import Options, answer_all  # noqa: PLC0415
    from perfgate.cli.stored import beside_stored  # noqa: PLC0415

    if against and no_baseline:
        raise click.UsageError("give --against or --no-baseline, not both")
    shared = Options.taken_from(options)
    if against:
        return answer_all(shared.questions(baseline=against, candidate=model), shared)
    questions = shared.questions(candidate=model)
    if not no_baseline:  # all are looked up before anything is measured
        return answer_all([beside_stored(question, Store(store), name) for question in questions], shared)
    if bare := [question.scenario.name for question in questions if not question.scenario.objectives]:
        raise click.UsageError(f"nothing to judge: --no-baseline, and scenario {bare[0]} has no [objectives]")
    return answer_all(questions, shared)
