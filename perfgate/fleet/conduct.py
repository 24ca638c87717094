"""Measure all gates of a fleet: the most urgent first, what was lost again, and the undecided ones for longer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from perfgate.errors import ExitCode
from perfgate.fleet.engine import OVERDUE, Ended, Engine, Order
from perfgate.fleet.measured import Measured, Measurements, measured_of

MOST_ATTEMPTS = 3
"""How often a measurement is begun if nodes are lost."""
MOST_TIMES = 4.0
"""How many times its own budget an undecided gate may get in addition."""
CAPACITY = 0
"""Number of the round that measures the capacity."""
_TICK_S = 0.5
_FINAL = {ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE}
"""Exit codes after which a measurement is kept; an invalid one may be due to the machine, and is made again."""


@dataclass(frozen=True, slots=True)
class Task:
    """One gate in one round."""

    gate_id: str
    round_number: int
    key: str
    """Digest of everything that the measurement depends on."""
    budget_s: float
    urgency: tuple[float, ...]
    """Ascending: the smallest comes first."""


@dataclass(frozen=True, slots=True)
class RoundState:
    """What a finished round says about time."""

    is_open: bool
    """Whether more time may decide it."""
    used_s: float
    """Measuring time that it took of its budget."""


class Watcher(Protocol):
    """Whoever shows the progress."""

    def begun(self, task: Task) -> None:
        """Learn that a measurement was given to the engine."""

    def ended(self, measured: Measured) -> None:
        """Learn that a measurement ended, or was kept from an earlier call."""

    def lost(self, task: Task, why: str) -> None:
        """Learn that a measurement was lost, and will be begun again."""

    def waits(self, task: Task) -> None:
        """Learn that a measurement waits for cores that others have."""

    def tick(self) -> None:
        """Learn that some time has passed."""


@dataclass(frozen=True, slots=True)
class Conductor:
    """How measurements are made, and where they are kept."""

    engine: Engine
    measurements: Measurements
    order_of: Callable[[Task, Path], Order]
    """Makes the order of a task, whose files go to the directory."""
    state_of: Callable[[Measured], RoundState]
    watcher: Watcher
    clock: Callable[[], float]
    token: Callable[[], str]
    """Makes a name that no other attempt has."""
    is_whole: Callable[[Measured], bool]
    """Whether what an earlier call measured can still be read."""
    deadline_s: float
    """Reading of the clock after which nothing begins; infinite if there is none."""

    def conduct(self, first: Sequence[Task], second: Mapping[str, Task], capacity: Sequence[Task]) -> list[Measured]:
        """Measure all tasks of the first round, then give undecided gates what the others left.

        `second`: the task of each gate in the second round, with the first round's budget; without one, the gate has
        none. Raises whatever interrupts it, after everything that runs was ended.
        """
        try:
            done = self._all(first)
            undecided = [
                second[each.gate_id] for each in done if each.gate_id in second and self.state_of(each).is_open
            ]
            kept = {task.gate_id: found.budget_s for task in undecided if (found := self._kept(task)) is not None}
            done += self._all(extended(done, first, second, self.state_of, kept))
            return done + self._all(capacity)
        finally:
            self.engine.stop()

    def _all(self, tasks: Iterable[Task]) -> list[Measured]:
        waiting, running, done = deque[Task](), dict[str, "_Attempt"](), list[Measured]()
        for task in sorted(tasks, key=lambda each: each.urgency):
            if (found := self._kept(task)) is not None:
                self.watcher.ended(found)
                done.append(found)
            else:
                self.measurements.forget(task.gate_id, task.round_number)
                waiting.append(task)
        attempts: dict[Task, int] = {}
        while waiting or running:
            self._begin(waiting, running, attempts)
            if not running:
                break  # the time is up
            for ended in self.engine.wait(_TICK_S):
                attempt = running.pop(ended.order_id)
                if _is_lost(ended) and attempts[attempt.task] < MOST_ATTEMPTS:
                    self.watcher.lost(attempt.task, _why(ended))
                    waiting.appendleft(attempt.task)
                else:
                    done.append(self._finished(attempt, ended, attempts[attempt.task]))
            for order_id in self.engine.waiting():
                self.watcher.waits(running[order_id].task)
            self.watcher.tick()
        return done

    def _begin(self, waiting: deque[Task], running: dict[str, _Attempt], attempts: dict[Task, int]) -> None:
        """Start what has room, the most urgent first; when the time is up, nothing, and what waits is withdrawn.

        If nothing runs, the first is started anyway: the engine says why no node can take it.
        """
        if self.clock() >= self.deadline_s:
            for order_id in self.engine.withdraw():
                del running[order_id]
            return
        while waiting:
            task = waiting[0]
            attempt = self._attempt(task)
            if running and not self.engine.has_room(attempt.order):
                return
            waiting.popleft()
            attempts[task] = attempts.get(task, 0) + 1
            running[attempt.order.order_id] = attempt
            self.watcher.begun(task)
            self.engine.start(attempt.order)

    def _kept(self, task: Task) -> Measured | None:
        found = self.measurements.kept(task.gate_id, task.round_number, task.key)
        return found if found is not None and self.is_whole(found) else None

    def _attempt(self, task: Task) -> _Attempt:
        directory = self.measurements.attempt(task.gate_id, task.round_number, self.token())
        return _Attempt(task, directory, self.order_of(task, directory))

    def _finished(self, attempt: _Attempt, ended: Ended, attempts: int) -> Measured:
        task = attempt.task
        measured = measured_of(
            ended,
            gate_id=task.gate_id,
            round_number=task.round_number,
            key=task.key if ended.exit_code in _FINAL else "",
            budget_s=task.budget_s,
            attempts=attempts,
        )
        self.measurements.finish(measured, attempt.directory)
        self.watcher.ended(measured)
        return measured


@dataclass(frozen=True, slots=True)
class _Attempt:
    task: Task
    directory: Path
    order: Order


def _is_lost(ended: Ended) -> bool:
    """Return whether the machine took the measurement away: nothing is known of the model, and it may be repeated."""
    if ended.lost == OVERDUE:
        return False
    return ended.exit_code is None or ended.exit_code < 0 or ended.exit_code == ExitCode.INTERRUPTED


def _why(ended: Ended) -> str:
    return ended.lost or f"it was ended from outside on {ended.node}"


def extended(
    done: Sequence[Measured],
    first: Sequence[Task],
    second: Mapping[str, Task],
    state_of: Callable[[Measured], RoundState],
    kept: Mapping[str, float],
) -> list[Task]:
    """Return the second round: undecided gates, with the time that the budgets of all gates left, in equal proportion.

    Each gets up to four times its own budget; where less than its own is left, the most urgent ones get that much, and
    the others nothing, because a shorter measurement than the first, at a stricter level, hardly decides anything.

    `kept`: budgets of second rounds that an earlier call measured. They count whatever time is left now, so that a
    verdict does not depend on what changed in other gates, and the time that they took is not given again.
    """
    states = {each.gate_id: state_of(each) for each in done}
    left_s = sum(max(0.0, task.budget_s - states[task.gate_id].used_s) for task in first if task.gate_id in states)
    urgency = {task.gate_id: task.urgency for task in first}
    is_open = [second[name] for name, state in states.items() if state.is_open and name in second]
    is_open.sort(key=lambda task: urgency[task.gate_id])
    given = [replace(task, budget_s=kept[task.gate_id]) for task in is_open if task.gate_id in kept]
    left_s = max(0.0, left_s - sum(task.budget_s for task in given))
    is_open = [task for task in is_open if task.gate_id not in kept]
    wanted_s = sum(task.budget_s for task in is_open)
    times = min(MOST_TIMES, left_s / wanted_s) if wanted_s else 0.0
    for task in is_open:
        budget_s = task.budget_s * max(times, 1.0)
        if budget_s <= left_s * (1 + 1e-9):
            given.append(replace(task, budget_s=budget_s))
            left_s -= budget_s
    return given
