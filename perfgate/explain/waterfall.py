"""The change of the execution time as steps that lead from the baseline to the candidate."""

from __future__ import annotations

from dataclasses import dataclass

from perfgate.explain.explanation import Attribution, Interval


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the sum."""

    name: str
    begin_ms: float
    """The baseline's execution time and all parts before this one."""
    change_ms: Interval

    @property
    def end_ms(self) -> float:
        """Where the next step begins."""
        return self.begin_ms + self.change_ms.estimate

    @property
    def reach_ms(self) -> tuple[float, float]:
        """Where the step would end at either end of its interval."""
        return self.begin_ms + self.change_ms.low, self.begin_ms + self.change_ms.high


def steps(found: Attribution) -> tuple[Step, ...]:
    """Return the parts in order, each from where the one before it ends."""
    placed: list[Step] = []
    for part in found.parts:
        placed.append(Step(part.name, placed[-1].end_ms if placed else found.execute_ms[0], part.change_ms))
    return tuple(placed)
