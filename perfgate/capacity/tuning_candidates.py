"""Which settings of a server `--tune` tries: a small design over those that trade throughput for latency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from perfgate.formatting import given
from perfgate.scenario.batching_file import batching_of
from perfgate.scenario.schema import Batching, Server

CURRENT = "current settings"
NO_BATCHING = "no batching"
_DESIGN = (  # requests of a batch, time to wait in microseconds, whether as many batches at a time as CPUs
    (16, 1000, False),
    (16, 0, True),
    (64, 0, False),
    (4, 0, False),
    (64, 5000, True),
    (4, 1000, True),
    (64, 1000, True),
    (16, 5000, False),
)
"""Three levels each of size and time, in an order in which the first few already differ in all three."""
_MOST_ENQUEUED = 100
"""Batches that may wait where the scenario has no batching: the default of 10 would reject most bursts."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Settings to try."""

    name: str
    server: Server

    @property
    def knobs(self) -> tuple[int | None, int | None, int | None, int, int]:
        """The settings that are varied: size, wait and threads of batches, threads within and between ops."""
        batching, server = self.server.batching, self.server
        threads = server.intra_op_threads, server.inter_op_threads
        if batching is None:
            return None, None, None, *threads
        return batching.max_batch_size, batching.batch_timeout_micros, batching.num_batch_threads, *threads


def current_of(server: Server) -> Candidate:
    """Return the scenario's own settings, with the batching file read; UsageError if it cannot be read."""
    return Candidate(CURRENT, _with_batching(server, batching_of(server)))


def batching_candidates(current: Candidate, rows: int, cores: int, most: int) -> tuple[Candidate, ...]:
    """Return up to `most` settings that batch differently, without those that are the current ones.

    `rows`: of the largest request. Everything else, the number of waiting batches included, stays as it is.
    """
    found = [each for each in _batching(current.server, rows, cores) if each.knobs != current.knobs]
    return tuple(islice({each.knobs: each for each in found}.values(), most))


def _batching(server: Server, rows: int, cores: int) -> Iterator[Candidate]:
    if server.batching is not None:
        yield Candidate(NO_BATCHING, _with_batching(server, None))
    base = server.batching or Batching(max_enqueued_batches=_MOST_ENQUEUED)
    for requests, timeout_micros, many in _DESIGN:
        batching = _resized(base, requests * rows, timeout_micros, cores if many else 1)
        yield Candidate(_named(batching), _with_batching(server, batching))


def thread_candidates(best: Candidate, cores: int) -> tuple[Candidate, ...]:
    """Return settings with as many threads as CPUs, within an op or between ops; none where that is no change."""
    found = []
    for knob in ("intra_op_threads", "inter_op_threads"):
        now = getattr(best.server, knob)
        other = 1 if (now or cores) >= cores else cores
        if cores > 1 and other != now:
            changed = best.server.model_copy(update={knob: other})
            found.append(Candidate(f"{best.name}, {knob} {other}", changed))
    return tuple(found)


def _with_batching(server: Server, batching: Batching | None) -> Server:
    return server.model_copy(update={"batching": batching, "batching_parameters_file": None})


def _resized(base: Batching, rows: int, timeout_micros: int, threads: int) -> Batching:
    """Change three settings; sizes that batches are padded to, and parts of split requests, follow the largest."""
    sizes = (*(size for size in base.allowed_batch_sizes if size < rows), rows) if base.allowed_batch_sizes else ()
    changed = {
        "max_batch_size": rows,
        "batch_timeout_micros": timeout_micros,
        "num_batch_threads": threads,
        "allowed_batch_sizes": sizes,
        "max_execution_batch_size": None,
    }
    return base.model_copy(update=changed)


def _named(batching: Batching) -> str:
    wait = f"wait {given(batching.batch_timeout_micros / 1e3)} ms" if batching.batch_timeout_micros else "no wait"
    threads = batching.num_batch_threads
    return f"batch {batching.max_batch_size}, {wait}, {threads} {'thread' if threads == 1 else 'threads'}"


def server_toml(server: Server) -> str:
    """Write the varied settings, and the rest of the batching, as tables of a scenario."""
    lines = [
        "[server]",
        f"intra_op_threads = {server.intra_op_threads}",
        f"inter_op_threads = {server.inter_op_threads}",
    ]
    if server.batching is not None:
        lines += ["", "[server.batching]"]
        defaults = Batching().model_dump()
        varied = {"max_batch_size", "batch_timeout_micros", "num_batch_threads", "max_enqueued_batches"}
        for key, value in server.batching.model_dump().items():
            if key in varied or value != defaults[key]:
                lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value)) if isinstance(value, tuple) else str(value)
