"""How a plan and its check are measured, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from perfgate import formatting
from perfgate.planning.answer import PlanAnswer
from perfgate.planning.check import PlanCheck


def plan_method(answer: PlanAnswer) -> Iterator[str]:
    """Yield what was measured, and what intervals are."""
    yield (
        "The model was built from a sketch and is not trained: its weights are random. It was measured on this machine "
        "as any other model is: in servers of its own, with the scenario\u2019s requests."
    )
    yield (
        "An objective holds, or breaks, if the gate\u2019s test shows it. A percentile that this leaves open is "
        "decided by the capacity, if the scenario\u2019s rate lies below or above its interval. An objective\u2019s "
        "interval is at the gate\u2019s level. The interval of a number that the trained model is expected to show is "
        "for another run of as many servers and of the same length, with other weights: 95% of such runs are within."
    )
    if answer.scale:
        took = formatting.duration(answer.scale.seconds)
        yield (
            "Each value of a dimension was built and measured in fresh servers, those near the limit several times. "
            "It is proven to hold by the measurements at it and a little above it, tested as one, and to break by "
            "those at it and a little below. The limit is where a line through the measurements nearby crosses the "
            "bound of the objective that breaks first; its 95% interval contains that line\u2019s interval and both "
            f"proven ends. It assumes that larger is slower. The search took {took}."
        )


def check_method(check: PlanCheck) -> Iterator[str]:
    """Yield what was compared with what, and what covered means."""
    yield (
        "The trained model was measured as its untrained sketch was: with the same scenario, as many servers and for "
        "as long. A promise is covered if its interval contains what the trained model shows; that should be so for "
        "95% of promises."
    )
    if check.beside:
        yield (
            "Both models were measured side by side in this check, so that a machine that is faster or slower than on "
            "the day of the plan does not count as an error."
        )
    yield "The objectives are judged on the trained model alone, by the gate\u2019s tests."
