"""What is said about a plan that its trained model was compared with."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from perfgate.formatting import change, measured, quantity, share
from perfgate.planning.check import CheckedPromise, PlanCheck, TrackRecord
from perfgate.planning.objective_sentences import objective_sentence, verdict_words


def check_lines(check: PlanCheck) -> tuple[str, ...]:
    """Return everything that was found, in reading order."""
    return (
        *filter(None, (check_interrupted_sentence(check),)),
        *map(objective_sentence, check.objectives),
        *map(checked_sentence, check.promises),
        beside_sentence(check),
        record_sentence(check),
    )


def check_interrupted_sentence(check: PlanCheck) -> str:
    """Return that the measurement was interrupted; empty if it was not."""
    return "" if check.complete else "Interrupted: this is what was known by then."


def checked_sentence(promise: CheckedPromise) -> str:
    """Return what was promised, what the trained model shows, and whether the promise covers it."""
    promised = _words(promise.promised, promise.promised_lower, promise.promised_upper, promise.metric)
    if not isfinite(promise.measured):
        return f"{promise.metric}: promised {promised}, not measured."
    shown = _words(promise.measured, promise.measured_lower, promise.measured_upper, promise.metric)
    return f"{promise.metric}: promised {promised}, shows {shown}: {outcome_words(promise)}."


def _words(value: float, lower: float, upper: float, metric: str) -> str:
    """Return a value with its interval, unless it is known without one."""
    return quantity(value, metric) if lower == upper else measured(value, lower, upper, metric)


def outcome_words(promise: CheckedPromise) -> str:
    """Return whether the promise covers what was measured, with the error: `covered (+4.9%)`."""
    error = f" ({change(promise.error)})" if isfinite(promise.error) else ""
    if promise.covered:
        return f"covered{error}"
    speed = "" if promise.same_speed else "; the machine's speed may have changed since"
    return f"not covered{error}{speed}"


def beside_sentence(check: PlanCheck) -> str:
    """Return what the trained model was compared with."""
    if check.beside:
        return (
            "The untrained model was measured again beside the trained one: promises are shown at the speed that the "
            "machine has now."
        )
    return "Compared with what the plan recorded: a changed speed of the machine counts as an error."


def record_sentence(check: PlanCheck) -> str:
    """Return how many promises are covered, in this check and in all of this scenario so far."""
    now, record = covered_words(check.promises), check.record
    if not record.checks:
        return f"{now}."
    if record.checks < 2:
        return f"{now}; this is the first plan of this scenario that was checked{_errors(record)}."
    return (
        f"{now}; plans of this scenario so far: {record.covered:,} of {record.promises:,} in {record.checks:,} checks"
        f"{_errors(record)}."
    )


def covered_words(promises: Sequence[CheckedPromise]) -> str:
    """Return how many of the promises that could be checked are covered: `9 of 10 promises covered`."""
    known = [each for each in promises if isfinite(each.measured)]
    covered = sum(each.covered for each in known)
    if not known:
        return "no promise checked"
    return f"{covered:,} of {len(known):,} promise{'' if len(known) == 1 else 's'} covered"


def _errors(record: TrackRecord) -> str:
    if not isfinite(record.error_p50):
        return ""
    tail = f" and {share(record.error_p90)} at the 90th percentile" if isfinite(record.error_p90) else ""
    return f", errors {share(record.error_p50)} at the median{tail}"


def check_final_words(check: PlanCheck) -> str:
    """Return the final line without the page: `PASS v1 holds: ...; 9 of 10 promises covered`."""
    word = check.verdict.value.upper() if check.complete else "INTERRUPTED"
    decided = verdict_words(check.verdict, check.model, check.objectives)
    return f"{word} {decided}; {covered_words(check.promises)}"
