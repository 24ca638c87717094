"""The formats in which a stored run can be written, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perfgate.metrics import Direction
from perfgate.report.formats.benchmark_action import benchmark_action
from perfgate.report.formats.github import job_summary, workflow_commands
from perfgate.report.formats.junit import junit
from perfgate.report.formats.openmetrics import openmetrics
from perfgate.report.formats.tables import as_csv, as_parquet, samples_table, trials_table
from perfgate.report.html import page
from perfgate.results import document
from perfgate.results.result import Result


@dataclass(frozen=True, slots=True)
class Format:
    """One output format."""

    description: str
    render: Callable[[Result, Path], bytes]
    """Writes the result, given the directory that it was read from."""
    is_binary: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A stored run or fleet in one format."""

    content: bytes
    is_binary: bool
    page_name: str
    """File name of its page, in its own directory."""


def _text(render: Callable[[Result], str]) -> Callable[[Result, Path], bytes]:
    return lambda result, _: render(result).encode()


FORMATS: dict[str, Format] = {
    "html": Format("the page that a run writes", _text(page.render_html)),
    "json": Format("result.json", _text(document.to_json)),
    "junit": Format("JUnit XML", _text(lambda result: junit((result,)))),
    "github": Format(
        "annotations of GitHub Actions", _text(lambda result: "".join(f"{a}\n" for a in workflow_commands(result)))
    ),
    "markdown": Format("GitHub's job summary", _text(lambda result: job_summary((result,)))),
    "openmetrics": Format("GitLab's metrics report", _text(lambda result: openmetrics((result,)))),
    "benchmark-action": Format(
        "github-action-benchmark, customSmallerIsBetter", _text(lambda r: benchmark_action((r,), Direction.LOWER))
    ),
    "benchmark-action-bigger": Format(
        "the same, customBiggerIsBetter", _text(lambda r: benchmark_action((r,), Direction.HIGHER))
    ),
    "trials-csv": Format("a line a trial", lambda result, _: as_csv(trials_table(result))),
    "trials-parquet": Format("the same", lambda result, _: as_parquet(trials_table(result)), is_binary=True),
    "samples-csv": Format("a line a request", lambda _, run: as_csv(samples_table(run))),
    "samples-parquet": Format("the same", lambda _, run: as_parquet(samples_table(run)), is_binary=True),
}


def written(name: str, run: Path) -> Written:
    """Write a stored run, from its directory or `result.json`; UsageError if it cannot be read."""
    chosen, directory = FORMATS[name], run if run.is_dir() else run.parent
    return Written(chosen.render(document.read(run), directory), chosen.is_binary, page.FILE_NAME)
