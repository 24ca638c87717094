"""Between a fleet's measurements and whoever shows them: each result is read once, when its measurement ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from perfgate.fleet.conduct import CAPACITY, RoundState, Task
from perfgate.fleet.judging import Levels, in_file_words
from perfgate.fleet.measured import Measured, Measurements
from perfgate.pipeline.fleet_opening import OpenedGate, is_of, is_strict_enough
from perfgate.pipeline.fleet_orders import capacity_of, result_of, state_of
from perfgate.report.terminal.fleet import Ending, FleetProgress
from perfgate.results.result import Result

_CHANGED = "its model or baseline changed while the fleet ran: the same command measures it again"


@dataclass(frozen=True, slots=True)
class Watching:
    """A `Watcher` that reads results and passes them on to the display."""

    progress: FleetProgress
    measurements: Measurements
    opened: Mapping[str, OpenedGate]
    levels: Levels
    results: dict[tuple[str, int], Result]
    done: list[Measured]

    def begun(self, task: Task) -> None:
        """Show that a measurement was started."""
        self.progress.begun(task.gate_id, _round_words(task.round_number))

    def ended(self, measured: Measured) -> None:
        """Read the result, and show the verdict of the gate alone."""
        result = self._result(measured)
        if result is not None and not self._is_of_opened(measured, result):
            measured, result = replace(measured, lost=_CHANGED), None
        self.done.append(measured)
        self.progress.ended(
            Ending(
                gate_id=measured.gate_id,
                round_words=_round_words(measured.round_number),
                word=_word(measured, result),
                headline=in_file_words(result.judgement.headline) if result and result.judgement else measured.lost,
                seconds=measured.seconds,
                kept=measured.kept,
            )
        )

    def lost(self, task: Task, why: str) -> None:
        """Show why it will be begun again."""
        self.progress.lost(task.gate_id, why)

    def waits(self, task: Task) -> None:
        """Show that it waits."""
        self.progress.waits(task.gate_id)

    def tick(self) -> None:
        """Let the display show the time."""
        self.progress.tick()

    def is_whole(self, measured: Measured) -> bool:
        """Return whether what was measured can be read, is of what was opened, and can be judged among these gates."""
        if measured.round_number == CAPACITY:
            return capacity_of(measured, self.measurements) is not None
        result = self._result(measured)
        if result is None or not self._is_of_opened(measured, result):
            return False
        fits = is_strict_enough(result, self.levels, measured.round_number)
        if not fits:
            del self.results[measured.gate_id, measured.round_number]
        return fits

    def _is_of_opened(self, measured: Measured, result: Result) -> bool:
        """Return whether what was opened was measured; otherwise forget the result."""
        same = is_of(result, self.opened[measured.gate_id])
        if not same:
            del self.results[measured.gate_id, measured.round_number]
        return same

    def _result(self, measured: Measured) -> Result | None:
        if measured.round_number == CAPACITY:
            return None
        place = measured.gate_id, measured.round_number
        if place not in self.results and (result := result_of(measured, self.measurements)) is not None:
            self.results[place] = result
        return self.results.get(place)

    def state(self, measured: Measured) -> RoundState:
        """Return what a finished round says about time."""
        return state_of(self.results.get((measured.gate_id, measured.round_number)))


def _round_words(round_number: int) -> str:
    return {CAPACITY: "capacity", 1: ""}.get(round_number, f"round {round_number}")


def _word(measured: Measured, result: Result | None) -> str:
    if measured.lost:
        return "lost"
    if measured.round_number == CAPACITY:
        return "measured" if measured.key else "invalid"
    return result.judgement.verdict.value if result is not None and result.judgement is not None else "invalid"
