"""`python -m benchmarks.hostile MODEL REQUEST`: whether the embedded server survives 10,000 hostile requests."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.hostile.campaign import Campaign, Findings, ServerGoneError, limited, send_alone
from benchmarks.hostile.messages import bomb, valid_requests
from perfgate.scenario.schema import Server
from perfgate.serving.embedded import EmbeddedForkServer
from perfgate.serving.interface import ReplicaSpec

_NAME = "hostile"


@click.command()
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--cases", type=click.IntRange(0), default=10_000, show_default=True, help="Requests over gRPC.")
@click.option(
    "--connections", type=click.IntRange(0), default=1_000, show_default=True, help="Connections that break HTTP/2."
)
@click.option("--rest", "rests", type=click.IntRange(0), default=1_000, show_default=True, help="Requests over REST.")
@click.option("--seed", default=1, show_default=True)
@click.option("--bomb", "bomb_mb", default=0, show_default=True, help="MiB that one small request demands at the end.")
@click.option("--limit", "limit_mb", default=12_288, show_default=True, help="MiB by which the server may grow.")
def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    model: Path, cases: int, connections: int, rests: int, seed: int, bomb_mb: int, limit_mb: int
) -> None:
    """Serve MODEL, a SavedModel directory, and attack the server; exit 1 if it shows a fault."""
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        parent = EmbeddedForkServer(os.environ, Path(directory) / "log", huge_pages=True)
        try:
            spec = ReplicaSpec("server", model, ("serve",), "", Server(), model_name=_NAME, rest_port=0)
            server = parent.start(spec)
            valid, valid_json = valid_requests(model, _NAME)
            with limited(server.pid, limit_mb):
                campaign = Campaign(server.subject, server.address, valid, seed)
                found = campaign.findings
                campaign.messages(cases)
                campaign.connections(connections)
                campaign.rest(server.rest_address, f"/v1/models/{_NAME}:predict", valid_json, rests)
                _show(found)
                if bomb_mb:
                    print("bomb:", *send_alone(server.address, bomb(valid, bomb_mb << 20)))
                server.ensure_alive()
        except ServerGoneError as error:
            sys.exit(f"{error}\n{(Path(directory) / 'log').read_text(errors='replace')[-2000:]}")
        finally:
            parent.stop()
    print(f"{time.perf_counter() - began_s:.0f} s")
    sys.exit(bool(found.faults))


def _show(found: Findings) -> None:
    print("| kind | responses |\n|---|---|")
    for kind in sorted({kind for kind, _ in found.answers}):
        answers = [f"{answer}: {count}" for (its, answer), count in sorted(found.answers.items()) if its == kind]
        print(f"| {kind} | {', '.join(answers)} |")
    print("\nRSS of the server, MiB:", *(round(memory.rss_mb) for memory in found.memory))
    for fault in found.faults[:20]:
        print(fault)
    print(f"{len(found.faults)} faults")


if __name__ == "__main__":
    main()
