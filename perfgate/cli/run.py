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
    model is measured again beside it, so that the machine's mood hits both alike.
    """
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help
    from perfgate.cli.measuring import Options, Question, answer_all, open_models  # noqa: PLC0415
    from perfgate.cli.stored import beside_stored  # noqa: PLC0415

    if against and no_baseline:
        raise click.UsageError("give --against or --no-baseline, not both")
    shared = Options.taken_from(options)
    candidate = open_models(candidate=model)
    scenarios = shared.load_scenarios()
    if no_baseline:
        if bare := [scenario.name for scenario in scenarios if not scenario.objectives]:
            problem = f"nothing to judge: --no-baseline, and scenario {bare[0]} has no [objectives]"
            raise click.UsageError(problem)
        questions = [Question(scenario, candidate) for scenario in scenarios]
    elif against:
        both = open_models(baseline=against) | candidate
        questions = [Question(scenario, both) for scenario in scenarios]
    else:  # all are looked up before anything is measured
        questions = [beside_stored(scenario, candidate, Store(store), name) for scenario in scenarios]
    return answer_all(questions, shared)
