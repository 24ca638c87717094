"""`perfgate capacity`: the highest rate that holds the objectives."""

from __future__ import annotations

import click

from perfgate.cli.completing import baselines, paths
from perfgate.cli.options import is_typed, measuring_options, store_option


@click.command("capacity")
@click.argument("old", metavar="MODEL|OLD", shell_complete=paths)
@click.argument("new", required=False, shell_complete=paths)
@click.option(
    "--baseline", "name", metavar="NAME", shell_complete=baselines, help="Compare with this stored baseline's model."
)
@click.option("--demand", metavar="RATE", help="Requests per second to carry, such as 300000 or 20M: servers needed.")
@click.option("--headroom", default="30%", show_default=True, help="Share of the capacity that stays unused.")
@click.option("--spare", type=click.IntRange(0), default=0, show_default=True, help="Servers beyond those needed.")
@click.option("--cost-per-hour", metavar="PRICE", help="Price of one server an hour.")
@click.option("--tune", is_flag=True, help="Also find batching and thread settings that carry more.")
@store_option
@measuring_options
def command(  # noqa: PLR0913 - one parameter for each option
    old: str,
    new: str | None,
    name: str | None,
    store: str,
    *,
    demand: str | None,
    headroom: str,
    spare: int,
    cost_per_hour: str | None,
    tune: bool,
    **options: object,
) -> int:
    """Find the highest rate at which MODEL holds the scenario's objectives, with an interval.

    With OLD and NEW, or a stored baseline (--baseline NAME), both versions get the same requests at the same rates, and
    the change of the capacity is judged. Takes two and a half minutes, four for two versions, or --budget.

    With --tune, a model alone is served with other settings too, in four minutes: which to take for throughput, for
    latency and for the objectives, and whether they beat the scenario's own. Includes the starts of servers.
    """
    from perfgate.cli.ahead import fork_server_ahead  # noqa: PLC0415 - instant --help

    models = (old,) if new is None else (old, new)
    named = is_typed("name")
    if tune and (new is not None or named):
        raise click.UsageError("--tune takes one model: give the version whose settings you choose, without --baseline")
    if tune or new is not None:
        if named:
            raise click.UsageError("--baseline takes one model: the candidate")
        name = None  # that of perfgate.toml is for a model alone
    from perfgate.capacity.amounts import headroom_in, price_in, rate_in  # noqa: PLC0415

    needed = None
    typed = [name for name in ("headroom", "spare", "cost_per_hour") if is_typed(name)]
    if demand is None and typed:
        raise click.UsageError(f"--{typed[0].replace('_', '-')} needs --demand: the requests per second to carry")
    if demand is not None:
        price = None if cost_per_hour is None else price_in(cost_per_hour, "--cost-per-hour")
        needed = (rate_in(demand, "--demand"), headroom_in(headroom, "--headroom"), spare, price)
    options["ahead"] = fork_server_ahead(options, *models)
    from perfgate.cli.measuring import host_of, options_of  # noqa: PLC0415 - while it imports TensorFlow
    from perfgate.pipeline.capacity_command import Demand, Question, answer  # noqa: PLC0415

    question = Question(models, name, store, Demand(*needed) if needed else None, tune)
    return answer(question, options_of({**options, "store": store}), host_of(options))
