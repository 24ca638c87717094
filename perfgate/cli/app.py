"""The command line: finds the command, and is the only place where errors become exit codes."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from perfgate.cli.config_file import CONFIG, defaults_of, load_config
from perfgate.cli.interrupts import INTERRUPTS
from perfgate.errors import ExitCode, PerfgateError, UsageError
from perfgate.fleet.own_settings import OF_FLEET, without_own
from perfgate.version import __version__

COMMANDS: dict[str, str] = {
    "run": "Measure MODEL, compare it with its baseline, judge, report: the CI gate.",
    "compare": "Compare two model versions side by side; no baseline store needed.",
    "capacity": "Find the highest rate at which MODEL holds the scenario's objectives, with an interval.",
    "plan": "Build an untrained model from SKETCH, and measure whether it holds the scenario's objectives.",
    "explain": "Explain why a new model version is slower, or needs more memory: causes with numbers and remedies.",
    "fleet": "Gate many models under many scenarios, at one error level for all of them.",
    "baseline": "Record, promote, list, show, remove, verify, export and import stored baselines.",
    "report": "Render a stored run or fleet again, from its directory, result.json or fleet.json.",
    "runs": "List all runs in a directory or below a URL, the newest first, with what moved most in each.",
    "export": "Write all runs to Parquet files, partitioned by model, scenario and day.",
    "history": "Show a baseline's metrics over all its records, with change points.",
    "calibrate": "Measure MODEL against itself: this machine's noise and smallest detectable effects.",
    "serve": "Serve MODEL over TF-Serving's gRPC protocol and REST API, without measuring.",
    "init": "Set up a project for MODEL: perfgate.toml, a scenario made from its signature, a CI file.",
    "doctor": "Check this machine (cores, clock, limits, memory, other load) and suggest improvements.",
    "config": "Show the settings `perfgate run` would use here, with the source of each value.",
    "inspect": "Show MODEL's version, digest, size, signatures and ops.",
}
"""Name and one-line help; the command is `command` in `perfgate.cli.<name>`, imported on demand."""

_NO_PLACE = {errno.ENAMETOOLONG, errno.ELOOP}
_NAMES_A_WRONG_PLACE = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
_LAST_STANDARD_FILE = 2
_WORDS = {ExitCode.INVALID: "INVALID", ExitCode.INCONCLUSIVE: "INCONCLUSIVE"}


def _command(name: str) -> click.Command:
    command: click.Command = importlib.import_module(f"perfgate.cli.{name}").command
    return command


class LazyGroup(click.Group):
    """Imports a command's module only to run it, so that `perfgate --help` stays instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Name the commands in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command."""
        return _command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="perfgate")
@click.pass_context
def app(context: click.Context) -> None:
    """Decide whether a new version of a TensorFlow model is slower or needs more resources, at error rates you choose.

    Exit codes: 0 pass, 1 perfgate failed, 2 usage, 3 regression or missed objective, 4 inconclusive or no baseline,
    5 invalid run, 130 interrupted.
    """
    name = context.invoked_subcommand
    if name in COMMANDS and name not in {"config", "init"} and not context.obj:  # help works with an invalid file
        config = load_config(Path.cwd())
        if OF_FLEET in os.environ:
            config = replace(config, values=without_own(config.values))
        context.default_map = {name: defaults_of(_command(name), config)} if config.path else None
        context.meta[CONFIG] = config


def describe(error: PerfgateError) -> str:
    """Return problem and remedy as one line that begins with the verdict word or ERROR."""
    return f"{_WORDS.get(error.exit_code, 'ERROR')} {error.in_a_line}"


def main(args: Sequence[str]) -> int:  # noqa: PLR0911 - one return for each kind of ending
    """Run one command line and return its exit code; all errors end here."""
    INTERRUPTS.install()
    verbose = any(arg == "--verbose" or (arg[:1] == "-" and arg[1:2] != "-" and "v" in arg) for arg in args)
    try:
        _check_text(args)
        asks_for_help = not {"-h", "--help"}.isdisjoint(args)
        return int(app.main(list(args), prog_name="perfgate", standalone_mode=False, obj=asks_for_help) or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return _misused(click.UsageError("Missing command", error.ctx))
    except click.ClickException as error:
        return _misused(error)
    except PerfgateError as error:
        if verbose:
            traceback.print_exc()
        click.echo(describe(error), err=True)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):  # what was measured so far is kept
        click.echo("INTERRUPTED", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone, so there is nobody to inform
        return ExitCode.INTERNAL
    except Exception as error:  # noqa: BLE001 - a crash must have its own exit code
        if verbose:
            traceback.print_exc()
        return _unforeseen(error)


def _check_text(args: Sequence[str]) -> None:
    """Reject arguments that no result could hold: bytes that are not UTF-8 arrive as surrogates (PEP 383)."""
    for arg in args:
        if any("\ud800" <= char <= "\udfff" for char in arg):
            raise UsageError(f"{arg!r} is not UTF-8", "rename it or create a link to it")


def _misused(error: click.ClickException) -> ExitCode:
    """Print in one line what is wrong with the command line, and where to find help."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "perfgate"
    click.echo(f"ERROR {error.format_message().rstrip('.')}. See `{command} --help`", err=True)
    return ExitCode.USAGE


def _unforeseen(error: Exception) -> ExitCode:
    """Return what the system refused, or that perfgate itself failed."""
    if isinstance(error, OSError) and error.strerror:
        where = f" {error.filename}" if error.filename else ""
        click.echo(f"ERROR cannot read or write{where}: {error.strerror}", err=True)
        is_wrong_place = isinstance(error, _NAMES_A_WRONG_PLACE) or error.errno in _NO_PLACE
        return ExitCode.USAGE if is_wrong_place else ExitCode.INTERNAL
    what = " ".join(f"{type(error).__name__}: {error}".split())
    click.echo(f"ERROR perfgate itself failed: {what}. Run again with -v for the traceback, and report it", err=True)
    return ExitCode.INTERNAL


def _open_standard_files() -> None:
    """Open /dev/null where a standard file is closed: another would get its number, and children take it for that."""
    while (file := os.open(os.devnull, os.O_RDWR)) <= _LAST_STANDARD_FILE:
        os.set_inheritable(file, True)  # noqa: FBT003 - positional only
    os.close(file)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - until the process ends
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def entry() -> NoReturn:
    """Console script; characters that a stream cannot encode are escaped there, and end no command."""
    _open_standard_files()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    raise SystemExit(main(sys.argv[1:]))
