"""A fleet on a terminal: progress while it is measured, and at the end what moved and the servers needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from perfgate import formatting
from perfgate.fleet.answer import FleetAnswer, GateAnswer
from perfgate.fleet.sentences import (
    continuing,
    demand_sentences,
    level_sentence,
    state_sentences,
    told_words,
)
from perfgate.fleet.summary import final_word
from perfgate.gate.verdict import Verdict
from perfgate.report.terminal.result import STYLES
from perfgate.report.terminal.tables import add_row, plain_table, print_table
from perfgate.report.terminal.text_tables import print_lines
from perfgate.sanitize import one_line

_MOST_PASSED = 10
"""Gates that passed and are listed: without --verbose, only those in which something moved."""
_MOST_RUNNING = 12
_REFRESH_S = 0.5
_WAITS = "is waiting for cores held by another perfgate fleet"


@dataclass(frozen=True, slots=True)
class Ending:
    """One measurement that ended."""

    gate_id: str
    round_words: str
    """Empty for the first round."""
    word: str
    """Its own verdict, or `lost`."""
    headline: str
    seconds: float
    kept: bool


class FleetProgress(Protocol):
    """Shows how far a fleet is."""

    def total(self, count: int) -> None:
        """Learn how many gates there are."""

    def begun(self, gate_id: str, round_words: str) -> None:
        """Learn that a measurement was started, or waits for its cores."""

    def ended(self, ending: Ending) -> None:
        """Learn how a measurement ended."""

    def lost(self, gate_id: str, why: str) -> None:
        """Learn that a measurement will be begun again."""

    def waits(self, gate_id: str) -> None:
        """Learn that a measurement waits for cores that others have; called again and again while it does."""

    def tick(self) -> None:
        """Redraw what shows the time."""

    def close(self) -> None:
        """Remove what is redrawn; idempotent."""


class LineFleetProgress:
    """Prints one plain line for each measurement that ends."""

    def __init__(self, console: Console) -> None:
        self._console, self._total, self._done = console, 0, 0
        self._waiting: set[str] = set()

    def total(self, count: int) -> None:
        """Learn how many gates there are."""
        self._total = count

    def begun(self, gate_id: str, round_words: str) -> None:
        """Print nothing: a line a measurement is enough."""

    def ended(self, ending: Ending) -> None:
        """Print the verdict of the gate alone."""
        self._done += not ending.round_words
        self._waiting.discard(ending.gate_id)
        count = "" if ending.round_words else f"[{self._done}/{self._total}] "
        self._console.print(_ending_line(ending, count), soft_wrap=True)

    def lost(self, gate_id: str, why: str) -> None:
        """Print why it is begun again."""
        self._console.print(
            Text(f"perfgate: {one_line(gate_id)} will be measured again: {one_line(why)}"), soft_wrap=True
        )

    def waits(self, gate_id: str) -> None:
        """Print it once."""
        if gate_id not in self._waiting:
            self._waiting.add(gate_id)
            self._console.print(Text(f"perfgate: {one_line(gate_id)} {_WAITS}"), soft_wrap=True)

    def tick(self) -> None:
        """Print nothing."""

    def close(self) -> None:
        """Do nothing."""


class LiveFleetProgress(LineFleetProgress):
    """A live table of what runs, below the lines of what has ended."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        super().__init__(console)
        self._clock, self._running, self._drawn_s = clock, dict[str, tuple[str, float]](), float("-inf")
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()

    def begun(self, gate_id: str, round_words: str) -> None:
        """Add a row."""
        self._running[gate_id] = (round_words, self._clock())
        self._draw()

    def ended(self, ending: Ending) -> None:
        """Remove its row, and print its line."""
        self._running.pop(ending.gate_id, None)
        super().ended(ending)
        self._draw()

    def lost(self, gate_id: str, why: str) -> None:
        """Remove its row, and print why."""
        self._running.pop(gate_id, None)
        super().lost(gate_id, why)

    def tick(self) -> None:
        """Redraw at most twice a second: drawing takes CPU time beside the measurements."""
        if self._clock() - self._drawn_s >= _REFRESH_S:
            self._draw()

    def close(self) -> None:
        """Remove the table."""
        self._live.stop()

    def _draw(self) -> None:
        now_s = self._drawn_s = self._clock()
        table = plain_table("measuring", "round", ">for")
        for gate_id, (words, began_s) in list(self._running.items())[:_MOST_RUNNING]:
            add_row(table, gate_id, words or "first", formatting.duration(float(round(now_s - began_s))))
        bar = Table.grid(padding=(0, 2, 0, 0))
        bar.add_row(
            ProgressBar(total=max(self._total, 1), completed=self._done, width=32),
            Text(f"{self._done} of {self._total} gates"),
        )
        more = len(self._running) - _MOST_RUNNING
        rest = [Text(f"and {more} more", "dim")] if more > 0 else []
        self._live.update(Group(table, *rest, bar), refresh=True)


class SilentFleetProgress(LineFleetProgress):
    """Shows nothing."""

    def waits(self, gate_id: str) -> None:
        """Print nothing."""

    def ended(self, ending: Ending) -> None:
        """Print nothing."""

    def lost(self, gate_id: str, why: str) -> None:
        """Print nothing."""


def make_fleet_progress(console: Console, clock: Callable[[], float], *, live: bool, quiet: bool) -> FleetProgress:
    """Choose the display: nothing when quiet, a live table on a suitable terminal, else a line a measurement."""
    if quiet:
        return SilentFleetProgress(console)
    return LiveFleetProgress(console, clock) if live else LineFleetProgress(console)


def _ending_line(ending: Ending, count: str) -> Text:
    round_words = f" ({ending.round_words})" if ending.round_words else ""
    took = "kept" if ending.kept else formatting.duration(ending.seconds)
    return Text.assemble(
        (count, "dim"),
        (ending.word.upper(), STYLES.get(ending.word, "")),
        f" {' '.join(filter(None, (one_line(ending.gate_id) + round_words, one_line(ending.headline))))}  ",
        (took, "dim"),
    )


def print_fleet(console: Console, answer: FleetAnswer, *, verbose: bool) -> None:
    """Print the gates that need attention, what moved, the servers needed, and what the error level covers."""
    shown = [gate for gate in answer.gates if verbose or gate.verdict is not Verdict.PASS or gate.moved]
    passed = [gate for gate in shown if gate.verdict is Verdict.PASS]
    if not verbose:
        shown = [gate for gate in shown if gate not in passed[_MOST_PASSED:]]
    if shown:
        owners = any(gate.owner for gate in shown)
        columns = ("", "gate", "owner", "what moved") if owners else ("", "gate", "what moved")
        table = plain_table(*columns, "since", wraps=("gate", "what moved", "owner"))
        for gate in shown:
            add_row(table, *_row(gate, owners=owners))
        print_table(console, table)
    print_lines(console, state_sentences(answer))
    print_lines(console, demand_sentences(answer))
    print_lines(console, (level_sentence(answer),), style="dim")


def _row(gate: GateAnswer, *, owners: bool) -> tuple[Text | str, ...]:
    word = Text(gate.verdict.value, STYLES[gate.verdict.value], no_wrap=True)
    what = Text("\n").join(Text(one_line(words)) for words in tuple(told_words(gate)) or (gate.headline,))
    return (word, gate.gate_id, *((gate.owner,) if owners else ()), what, gate.since_utc[:10])


def final_line(answer: FleetAnswer, page: Path, *, interrupted: bool = False) -> str:
    """Return the final line: `FAIL 2 of 50 gates fail: …  report: .../index.html`."""
    where = f"report: {one_line(str(page))}"
    if interrupted:
        measured = sum(bool(gate.measurements) for gate in answer.gates)
        count = f"{measured} of {len(answer.gates)} gates measured"
        return f"INTERRUPTED {count}; {continuing(answer.command)}  {where}"
    return f"{final_word(answer).upper()} {one_line(answer.headline)}  {where}"
