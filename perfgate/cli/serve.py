"""`perfgate serve`: the server alone, without measuring."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from perfgate.cli.completing import paths
from perfgate.cli.options import thread_options, verbose_option

_CHECK_EVERY_S = 0.5


@click.command("serve")
@click.argument("model", shell_complete=paths)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8500, show_default=True, help="gRPC port; 0: any free port."
)
@click.option("--rest-port", type=click.IntRange(0, 65535), help="REST port; 0: any free port; default: no REST.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--name", default="default", show_default=True, help="Model name that requests must use.")
@click.option(
    "--batching-parameters-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Batch requests with the settings in a TF-Serving batching file.",
)
@verbose_option
@thread_options
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    model: str,
    port: int,
    rest_port: int | None,
    host: str,
    name: str,
    batching_parameters_file: Path | None,
    intra_op_threads: int | None,
    inter_op_threads: int | None,
    cpus: tuple[int, ...] | None,
) -> int:
    """Serve MODEL over TF-Serving's gRPC protocol and REST API, without measuring."""
    from perfgate.model.cache import cache_dir  # noqa: PLC0415 - imports only what this command needs
    from perfgate.model.saved_model import open_model  # noqa: PLC0415
    from perfgate.scenario.batching_file import read_batching_file  # noqa: PLC0415
    from perfgate.scenario.overrides import check_cpus, server_settings  # noqa: PLC0415
    from perfgate.serving.embedded import EmbeddedForkServer  # noqa: PLC0415
    from perfgate.serving.interface import ReplicaSpec  # noqa: PLC0415

    opened = open_model(model, cache_dir(os.environ))
    check_cpus(cpus or (), os.sched_getaffinity(0))
    settings = server_settings(intra_op_threads, inter_op_threads, cpus)
    if batching_parameters_file is not None:
        settings = settings.model_copy(update={"batching": read_batching_file(batching_parameters_file)})
    log = cache_dir(os.environ) / "serve.log"  # hides TensorFlow's messages at its start
    log.parent.mkdir(parents=True, exist_ok=True)
    parent = EmbeddedForkServer(os.environ, log, huge_pages=settings.huge_pages, rest=rest_port is not None)
    try:
        spec = ReplicaSpec(
            label="server",
            model_path=opened.path,
            tags=opened.tags,
            signature="",
            settings=settings,
            model_name=name,
            version=opened.version,
            host=host,
            port=port,
            rest_port=rest_port,
        )
        replica = parent.start(spec)
        where = f"{replica.address} (gRPC)" + (f" and {replica.rest_address} (REST)" if replica.rest_address else "")
        if replica.substituted:
            click.echo(
                f"warning: serving with the slower grpc.server because ngh2 does not work here: {replica.substituted}",
                err=True,
            )
        click.echo(f"serving {name} version {opened.version} on {where}, press Ctrl+C to stop")
        while True:
            time.sleep(_CHECK_EVERY_S)
            replica.ensure_alive()
    except KeyboardInterrupt:
        return 0
    finally:
        parent.stop()
