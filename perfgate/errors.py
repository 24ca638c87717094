"""Error types and exit codes: the only place that defines what each of them means."""

from __future__ import annotations

import re
import signal
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of the process, by which a CI job learns the outcome."""

    PASS = 0
    """Every gated metric is within its tolerance and every objective is met; or the command succeeded."""
    INTERNAL = 1
    """perfgate itself failed: a crash never looks like a regression or like a pass."""
    USAGE = 2
    """A wrong option, scenario, setting or path; the message says what to write instead."""
    FAIL = 3
    """A regression beyond a tolerance, or a broken objective."""
    INCONCLUSIVE = 4
    """Not decided in the given time, or nothing comparable is stored; 0 with `--on-inconclusive pass`, if measured."""
    INVALID = 5
    """The measurement cannot be judged: the model does not load, a server died, too many errors, a slow generator."""
    INTERRUPTED = 130
    """Interrupted by ^C or SIGTERM; what was measured is kept."""


class PerfgateError(Exception):
    """A problem that the user can fix: what is wrong, and what to do about it."""

    exit_code: ExitCode = ExitCode.INTERNAL

    def __init__(self, problem: str, remedy: str = "") -> None:
        """Set the problem, in one line, and the remedy, if there is one, in another line."""
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    @property
    def in_a_line(self) -> str:
        """Problem and remedy as two sentences."""
        is_sentence = re.match(r"[a-z]+ (?![=+])", self.remedy)  # not a key or a path, where case matters
        remedy = self.remedy[:1].upper() + self.remedy[1:] if is_sentence else self.remedy
        return self.problem.rstrip(".") + (f". {remedy}" if remedy else "")


class UsageError(PerfgateError):
    """A wrong path, option, scenario key or configuration value."""

    exit_code = ExitCode.USAGE


class NoBaselineError(PerfgateError):
    """Nothing comparable is stored under the requested name."""

    exit_code = ExitCode.INCONCLUSIVE


class InvalidRunError(PerfgateError):
    """The measurement cannot be judged: the model does not load, a server died, the generator lagged."""

    exit_code = ExitCode.INVALID


def how_it_ended(exit_code: int | None) -> str:
    """Describe how a process ended; -N is signal N, and None means that the exit code is unknown."""
    if exit_code is None:
        return "it ended"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"killed by {names.get(-exit_code, f'signal {-exit_code}')}"
