"""Output for a CI server: requested files, and annotations and a summary on GitHub."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfgate.fleet.own_settings import STEP_SUMMARY
from perfgate.pipeline.extra_files import make_ready, reporting_failure
from perfgate.pipeline.host import Host
from perfgate.report.formats.github import job_summary, workflow_commands
from perfgate.report.formats.github_syntax import SUMMARY_LIMIT
from perfgate.report.formats.junit import junit
from perfgate.report.formats.openmetrics import openmetrics
from perfgate.results.result import Result


@dataclass(frozen=True, slots=True)
class CiOutput:
    """Output files besides those of the run's own directory."""

    junit_file: Path | None
    metrics_file: Path | None

    def make_ready(self) -> None:
        """Check before measuring that the files can be written, and remove those of an earlier run; UsageError."""
        for option, path in (("--junit", self.junit_file), ("--metrics", self.metrics_file)):
            if path is not None:
                make_ready(path, option)

    def write(self, results: Sequence[Result], host: Host) -> None:
        """Write the files; on GitHub Actions also annotate and append to the job summary."""
        files: tuple[tuple[Path | None, Callable[[Sequence[Result]], str]], ...] = (
            (self.junit_file, junit),
            (self.metrics_file, openmetrics),
        )
        for path, render in files:
            if path is not None:
                with reporting_failure(path, host.console):
                    path.write_text(render(results), encoding="utf-8")
        commands = (line for result in results for line in workflow_commands(result))
        tell_github(commands, lambda room: job_summary(results, room), host)


def tell_github(commands: Iterable[str], summary: Callable[[int], str], host: Host) -> None:
    """On GitHub Actions, annotate, and append to the step's summary if there is one, in the room that it has, bytes."""
    if host.environ.get("GITHUB_ACTIONS") != "true":
        return
    for line in commands:
        print(line, file=host.stderr)
    if name := host.environ.get(STEP_SUMMARY):
        path = Path(name)
        with reporting_failure(path, host.console):
            if path.exists() and not (path.is_file() or path.is_dir()):
                raise OSError(errno.ESPIPE, "it is no regular file")  # a pipe would be waited for
            with path.open("ab") as file:
                file.write(summary(SUMMARY_LIMIT - file.tell()).encode())
