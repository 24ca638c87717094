"""The job of a command that measures one comparison once: `capacity`, `explain`."""

from __future__ import annotations

from pathlib import Path

from perfgate.baseline.fingerprint import environment
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.job import Job
from perfgate.pipeline.options import Options
from perfgate.pipeline.prepare import prepare


def single_job(comparison: Comparison, options: Options, host: Host, out: Path) -> Job:
    """Prepare a comparison whose result goes to `out`; without a seed of the user's, with a random one."""
    facts = environment(host.environ)
    seed = host.random_bits(32) if options.seed is None else options.seed
    return Job(prepare(comparison, host.cpus()), out.name, host.arguments, seed, out, host.now(), facts)
