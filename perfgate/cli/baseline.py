"""`perfgate baseline`: stored baselines."""

from __future__ import annotations

from pathlib import Path

import click

from perfgate.cli.baseline_store import list_command, rm_command, show_command
from perfgate.cli.options import measuring_options, store_option
from perfgate.errors import PerfgateError

_NAME = click.option(
    "--name", default="default", show_default=True, envvar="PERFGATE_BASELINE", metavar="NAME", help="Baseline's name."
)
_NOTE = click.option("--note", default="", help="A line to keep with the record.")
_COPY = click.option(
    "--copy/--no-copy", default=True, help="Keep a copy of the model in the store, or only its path and digest."
)


@click.group("baseline")
def command() -> None:
    """Record, promote, list, show and remove stored baselines."""


@click.command("record")
@click.argument("model")
@_NAME
@_NOTE
@_COPY
@store_option
@measuring_options
def record_command(model: str, name: str, note: str, copy: bool, store: str, **options: object) -> int:  # noqa: FBT001 - click's
    """Measure MODEL and store it as the baseline of a name."""
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help
    from perfgate.cli.measuring import Options, answer, check_all, exit_code_of_record, show  # noqa: PLC0415
    from perfgate.cli.stored import ensure_storable, promote  # noqa: PLC0415

    shared = Options.taken_from(options)
    console, kept = shared.console(), Store(store)
    questions = check_all(shared.questions(candidate=model))
    ensure_storable(questions)
    for question in questions:
        result, out = answer(question, shared, console, many=len(questions) > 1)
        if code := exit_code_of_record(result):
            show(result, out, shared, console)
            return code
        try:
            record = promote(result, name, kept, note, copy=copy)
        except PerfgateError as error:
            error.remedy = f"{error.remedy}. The measurement is kept: `perfgate baseline promote {out}`".lstrip(". ")
            raise
        console.print(f"RECORDED {name}/{record.id} in {kept.url}  result: {out}", markup=False, soft_wrap=True)
    return 0


@click.command("promote")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@_NAME
@_NOTE
@_COPY
@store_option
def promote_command(run: Path, name: str, note: str, copy: bool, store: str) -> int:  # noqa: FBT001 - click's
    """Make the candidate of RUN (a result directory) the baseline of a name."""
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help
    from perfgate.cli.stored import promote  # noqa: PLC0415
    from perfgate.report.document import read  # noqa: PLC0415

    kept = Store(store)
    record = promote(read(run), name, kept, note, copy=copy)
    click.echo(f"PROMOTED {name}/{record.id} in {kept.url}", err=True)
    return 0


for _each in (record_command, promote_command, list_command, show_command, rm_command):
    command.add_command(_each)
