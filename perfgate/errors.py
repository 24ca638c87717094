"""Error kinds and exit codes: the one place that says what each of them means."""

from __future__ import annotations

import re
import signal
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process's exit code tells a CI job."""

    PASS = 0
    """Every gated metric is within its tolerance and every objective is met; or the command did what it was asked."""
    INTERNAL = 1
    """perfgate itself failed: a crash never looks like a regression, nor like a pass."""
    USAGE = 2
    """A wrong option, scenario, setting or path; the message says what to write instead."""
    FAIL = 3
    """A regression beyond a tolerance, or a broken objective."""
    INCONCLUSIVE = 4
    """Not decided in the time given, or nothing comparable is stored; 0 with `--on-inconclusive pass`, if measured."""
    INVALID = 5
    """What was measured cannot be judged: the model does not load, a server died, too many errors, a slow generator."""
    INTERRUPTED = 130
    """Ended by ^C or SIGTERM; what was measured is kept."""


class PerfgateError(Exception):
    """A problem that the user can act on: what is wrong, and what to do about it."""

    exit_code: ExitCode = ExitCode.INTERNAL

    def __init__(self, problem: str, remedy: str = "") -> None:
        """Return the problem in one line; the remedy, where there is one, in another."""
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    @property
    def in_a_line(self) -> str:
        """Problem and remedy, as two sentences."""
        is_sentence = re.match(r"[a-z]+ (?![=+])", self.remedy)  # and not a key or a path, whose letters count
        remedy = self.remedy[:1].upper() + self.remedy[1:] if is_sentence else self.remedy
        return self.problem.rstrip(".") + (f". {remedy}" if remedy else "")


class UsageError(PerfgateError):
    """A wrong path, option, scenario key or configuration value."""

    exit_code = ExitCode.USAGE


class NoBaselineError(PerfgateError):
    """Nothing comparable is stored under the asked name."""

    exit_code = ExitCode.INCONCLUSIVE


class InvalidRunError(PerfgateError):
    """What was measured cannot be judged: the model does not load, a server died, the generator lagged."""

    exit_code = ExitCode.INVALID


def how_it_ended(exit_code: int | None) -> str:
    """Return how a process ended, in a few words; -N is signal N, None is not known."""
    if exit_code is None:
        return "it ended"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"killed by {names.get(-exit_code, f'signal {-exit_code}')}"
