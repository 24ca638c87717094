"""`perfgate compare`: two versions side by side."""

from __future__ import annotations

import click

from perfgate.cli.options import judging_options, measuring_options


@click.command("compare")
@click.argument("old")
@click.argument("new")
@measuring_options
@judging_options
def command(old: str, new: str, **options: object) -> int:
    """Compare two model versions side by side, no store needed.

    OLD and NEW are SavedModel directories, TF-Serving base paths (the highest version wins) or .keras files.
    """
    from perfgate.cli.measuring import Options, Question, answer_all, open_models  # noqa: PLC0415 - instant --help

    shared = Options.taken_from(options)
    models = open_models(baseline=old, candidate=new)
    return answer_all([Question(scenario, models) for scenario in shared.load_scenarios()], shared)
