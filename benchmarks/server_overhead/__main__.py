"""`python -m benchmarks.server_overhead`: what a request adds to the model's call in the server's own process."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from benchmarks.server_overhead.rounds import Spread, bench, spreads
from perfgate.scenario.files import load_scenario

_ROWS = (
    ("execution in the server's process", "execute_ms"),
    ("request, as the client sees it", "request_ms"),
    ("**added by the request**", "added_ms"),
    ("in the request: waiting for a thread", "queue_ms"),
    ("in the request: execution", "executed_ms"),
    ("in the request: encoding the response", "encode_ms"),
    ("empty request (health check)", "empty_ms"),
    ("CPU time of an execution", "execute_cpu_ms"),
    ("CPU time of a request, server", "request_cpu_ms"),
    ("**CPU time added by the request**", "added_cpu_ms"),
)


@click.command()
@click.argument("model", default=".cache/models/ranking/v1")
@click.option(
    "--scenario", default="scenarios/ranking.toml", show_default=True, help="Scenario whose requests are sent."
)
@click.option("--protocol", type=click.Choice(["grpc", "rest"]), multiple=True, help="Repeatable.  [default: grpc]")
@click.option("--in-flight", type=click.IntRange(1), default=1, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--each", type=click.IntRange(1), default=50, show_default=True, help="Executions, and requests, per round."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    model: str,
    scenario: str,
    protocol: tuple[str, ...],
    in_flight: int,
    rounds: int,
    each: int,
    as_json: bool,  # noqa: FBT001 - click's way of passing options
) -> None:
    """Alternate executions and requests on one server of MODEL per protocol; print medians and ranges over rounds."""
    wanted = load_scenario(scenario, [Path()])
    found: dict[str, dict[str, Spread]] = {}
    for name in protocol or ("grpc",):
        with bench(model, wanted, name, in_flight) as live:
            live.round(each)  # warms up
            found[name] = spreads([live.round(each) for _ in range(rounds)])
    if as_json:
        print(json.dumps({name: {key: asdict(one) for key, one in rows.items()} for name, rows in found.items()}))
        return
    load = os.getloadavg()[0]
    print(f"{in_flight} in flight, {rounds} rounds of {each}; load average {load:.1f} on {os.cpu_count()} CPUs\n")
    print(f"| ms | {' | '.join(found)} |\n|---|{'--:|' * len(found)}")
    for text, key in _ROWS:
        print(f"| {text} | {' | '.join(str(rows[key]) for rows in found.values())} |")


if __name__ == "__main__":
    main()
