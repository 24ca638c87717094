"""`perfgate explain`: why one version is slower."""

from __future__ import annotations

from pathlib import Path

import click

from perfgate.cli.completing import baselines, paths
from perfgate.cli.options import is_typed, measuring_options, store_option


@click.command("explain")
@click.argument("old", metavar="OLD|RUN", shell_complete=paths)
@click.argument("new", required=False, shell_complete=paths)
@click.option(
    "--baseline",
    "name",
    metavar="NAME",
    shell_complete=baselines,
    help="Explain what differs between this stored baseline and the model.",
)
@click.option(
    "--old-scenario",
    metavar="NAME|FILE",
    help="Serve OLD with the server settings of this scenario: is it the model, or how it is served?",
)
@click.option(
    "--trace",
    "trace_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write one execution of each version as a Chrome trace, for Perfetto or chrome://tracing.",
)
@store_option
@measuring_options
def command(  # noqa: PLR0913 - one parameter for each option
    old: str,
    new: str | None,
    name: str | None,
    store: str,
    *,
    old_scenario: str | None,
    trace_file: Path | None,
    **options: object,
) -> int:
    """Explain why a new model version is slower, or needs more memory: causes with numbers and remedies.

    Compares OLD with NEW, a stored baseline with a model (--baseline NAME MODEL), or what a run compared (the directory
    of a run). Both versions are served by this machine; every operation of an execution is timed,
    for 15 s or as long as --budget says. The exit code does not depend on what is found.
    """
    from perfgate.cli.ahead import fork_server_ahead  # noqa: PLC0415 - instant --help

    models = [old] if new is None else [old, new]
    if new is not None and is_typed("name"):
        raise click.UsageError("--baseline takes one model: the candidate")
    if new is not None or (_is_run(old) and not is_typed("name")):
        name = None  # that of perfgate.toml is for a model alone
    options["ahead"] = fork_server_ahead(options, *(models if name or new else []))
    from perfgate.cli.measuring import host_of, options_of  # noqa: PLC0415 - while it imports TensorFlow
    from perfgate.pipeline.explain_command import Question, answer  # noqa: PLC0415

    question = Question(tuple(models), name, store, old_scenario, trace_file)
    return answer(question, options_of({**options, "store": store}), host_of(options))


def _is_run(given: str) -> bool:
    return (Path(given) / "result.json").is_file() or Path(given).name == "result.json"
