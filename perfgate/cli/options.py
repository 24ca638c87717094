"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from math import isnan
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from perfgate.cli.completing import scenarios
from perfgate.cli.config_file import CONFIG
from perfgate.scenario.quantities import seconds_in

Command = TypeVar("Command", bound=Callable[..., Any])


class Duration(click.ParamType[float]):
    """`60`, `60s`, `500ms`, `2min`; seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text; anything else is a usage error."""
        if isinstance(value, float):
            return value
        seconds = seconds_in(str(value))
        if not seconds:
            self.fail(f"{value!r} is not a duration; write 60s, 500ms, 2min or 24h", param, ctx)
        return seconds


class ErrorLevel(click.FloatRange):
    """A number in the range; NaN, which compares with nothing, is outside of it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """Read the text; anything else is a usage error."""
        found: float = super().convert(value, param, ctx)
        if isnan(found):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return found


class CpuList(click.ParamType[tuple[int, ...]]):
    """`0`, `0,2` or `0-3`; CPU numbers."""

    name = "cpus"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Read the text; anything else is a usage error."""
        if isinstance(value, tuple):
            return value
        cpus: list[int] = []
        for part in str(value).split(","):
            match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
            if not match:
                self.fail(f"{value!r} is not a list of CPUs; write 0,2 or 0-3", param, ctx)
            cpus.extend(range(int(match[1]), int(match[2] or match[1]) + 1))
        return tuple(cpus)


def is_typed(parameter: str) -> bool:
    """Return whether a parameter of the running command is on its command line, not from a file or a default."""
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE


def _stack(*decorators: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def decorate(function: Command) -> Command:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


thread_options = _stack(
    click.option("--intra-op-threads", type=click.IntRange(0), help="Threads within one op; 0: one per core."),
    click.option("--inter-op-threads", type=click.IntRange(0), help="Ops run in parallel; 0: one per core."),
    click.option("--cpus", type=CpuList(), help="CPUs that the servers may use, such as 1 or 2-3."),
)

verbose_option = click.option(
    "-v", "--verbose", is_flag=True, expose_value=False, help="Show tracebacks of errors."
)  # `app.main` looks for it itself, before anything is parsed


def _output_options(document: str, also: str) -> Callable[[Command], Command]:
    """Return the options of what is printed; `document`: what --json prints, `also`: what --verbose adds."""
    return _stack(
        click.option("--json", "as_json", is_flag=True, help=f"Print {document} to stdout."),
        click.option("-q", "--quiet", is_flag=True, help="Print only the final line."),
        click.option("-v", "--verbose", is_flag=True, help=f"Also show {also}, and tracebacks of errors."),
        click.option(
            "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
            envvar="PERFGATE_COLOR", help="Colours; auto: on a terminal, subject to NO_COLOR and FORCE_COLOR.",
        ),
        click.option(
            "--no-progress", is_flag=True, envvar="PERFGATE_NO_PROGRESS",
            help="Print one plain line per phase, as in a log.",
        ),
    )  # fmt: skip


output_options = _output_options(
    "the result as one JSON document (an array for several scenarios)", "metrics that are not gated"
)


def _with_config(function: Command) -> Command:
    """Pass perfgate.toml, for its verdict rules."""

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - click's
        return function(*args, config=click.get_current_context().meta.get(CONFIG), **options)

    return cast("Command", called)


measuring_options = _stack(
    _with_config,
    click.option(
        "-s", "--scenario", "scenarios", multiple=True, envvar="PERFGATE_SCENARIO", metavar="NAME|FILE",
        shell_complete=scenarios,
        help="Scenario file, or NAME of scenarios/NAME.toml; may be repeated.",
    ),
    click.option(
        "--budget", type=Duration(), envvar="PERFGATE_BUDGET", metavar="60s",
        help="Measuring time; start-up and warm-up are extra.",
    ),
    click.option(
        "--replicas", type=click.IntRange(2, 64), envvar="PERFGATE_REPLICAS", help="Server processes per arm."
    ),
    click.option("--seed", type=click.IntRange(0), envvar="PERFGATE_SEED", help="Seed for order and arrivals."),
    click.option(
        "--out", type=click.Path(path_type=Path, file_okay=False), envvar="PERFGATE_OUT",
        help="Directory for the result; its contents are replaced. Default: reports/<run id>.",
    ),
    click.option(
        "--pid", "pids", type=click.IntRange(1), multiple=True,
        help=(
            "Process ID of a running server (MODEL is a URL), to measure its CPU time and memory; one per address, "
            "OLD's first."
        ),
    ),
    click.option(
        "--signature-from",
        help="SavedModel with the signatures of a running server (MODEL is a URL) that does not report them.",
    ),
    thread_options,
    click.option("--driver-cpus", type=CpuList(), help="CPUs that the load generator may use."),
    output_options,
)  # fmt: skip

out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), envvar="PERFGATE_OUT",
    help="Directory for all results. Default: reports/fleet-<name>.",
)  # fmt: skip
explain_option = click.option(
    "--explain/--no-explain",
    default=True,
    help="Time the operations of both versions at the end, and explain what failed. Default: --explain.",
)
inconclusive_option = click.option(
    "--on-inconclusive",
    type=click.Choice(["fail", "pass"]),
    default="fail",
    show_default=True,
    envvar="PERFGATE_ON_INCONCLUSIVE",
    help="Exit code of an inconclusive run: fail is 4, pass is 0.",
)


def _junit_option(case: str) -> Callable[[Command], Command]:
    return click.option(
        "--junit", "junit_file", type=click.Path(path_type=Path, dir_okay=False), envvar="PERFGATE_JUNIT",
        metavar="FILE", help=f"Write JUnit XML: one test case per {case}.",
    )  # fmt: skip


engine_options = _stack(
    click.option(
        "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, envvar="PERFGATE_ENGINE",
        help="Where load workers (load.workers) run: processes of this machine, or on the nodes of a Ray cluster.",
    ),
    click.option(
        "--address", metavar="HOST:PORT",
        help="Head of the Ray cluster, of which this machine is a node. Default: RAY_ADDRESS, or the one found here.",
    ),
)  # fmt: skip

judging_options = _stack(
    click.option(
        "--alpha", type=ErrorLevel(0, 0.5, min_open=True, max_open=True),
        help="One-sided error level of passes and failures, instead of the scenario's: 0.01 by default.",
    ),
    click.option(
        "--gates", type=click.IntRange(1), metavar="N",
        help="Share the error level of failures among N gates, such as the jobs of one pipeline (Bonferroni).",
    ),
    explain_option,
    inconclusive_option,
    _junit_option("scenario and gated metric"),
    click.option(
        "--metrics", "metrics_file", type=click.Path(path_type=Path, dir_okay=False), envvar="PERFGATE_METRICS",
        metavar="FILE", help="Write OpenMetrics text, for GitLab's metrics reports.",
    ),
)  # fmt: skip

fleet_options = _stack(
    _with_config, explain_option, inconclusive_option, _junit_option("gate"), out_option,
    _output_options("fleet.json", "gates that pass"),
)  # fmt: skip


store_option = click.option(
    "--store", default="baselines", show_default=True, envvar="PERFGATE_STORE", metavar="URL",
    help="Baseline store: a directory or any fsspec URL.",
)  # fmt: skip
