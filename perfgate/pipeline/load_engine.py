"""Where the load of a run comes from: this machine, or the nodes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from perfgate.errors import UsageError
from perfgate.loadgen.workers import Workers
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.options import Options
from perfgate.protocols.address import host_and_port
from perfgate.results.result import ComparisonKind


@contextmanager
def workers_of(comparison: Comparison, options: Options, environ: Mapping[str, str]) -> Iterator[Workers]:
    """Provide the scenario's load workers, and end them; those on other nodes run before anything is measured.

    UsageError or InvalidRunError if there are no such nodes, or the load cannot come from them.
    """
    scenario = comparison.scenario
    if options.engine == "local":
        if options.address is not None:
            raise UsageError("--address is the address of a Ray cluster", "use it with --engine ray")
        with Workers(scenario.load.workers) as workers:
            yield workers
        return
    if scenario.target.kind == "in_process":
        problem = 'the servers of target.kind = "in_process" make their calls themselves, without load workers'
        raise UsageError(problem, "use another target, or --engine local")
    if comparison.kind is ComparisonKind.STORED_NUMBERS:
        problem = "the stored numbers were measured with load from one machine, and --engine ray sends it from others"
        raise UsageError(problem, "compare with a model (--against), or use --engine local")
    from perfgate.loadgen.ray_workers import RayWorkers  # noqa: PLC0415 - only for those who ask for it
    from perfgate.protocols.ray_cluster import connected  # noqa: PLC0415

    avoid = tuple(host_and_port(address)[0] for url in comparison.subjects for address in url.addresses)
    with (
        connected(options.address, environ) as cluster,
        Workers(scenario.load.workers, RayWorkers(cluster, avoid=avoid)) as workers,
    ):
        workers.start()
        yield workers
