"""The answer of a fleet, from what was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from perfgate.explain.sentences import cause_lines
from perfgate.fleet.answer import FleetAnswer, GateAnswer, Measurement, ModelDemand
from perfgate.fleet.conduct import CAPACITY
from perfgate.fleet.gates import FleetGate
from perfgate.fleet.history import Entry, read_history, since
from perfgate.fleet.judging import GateVerdict, Levels, verdicts
from perfgate.fleet.measured import LOG, Measured, Measurements
from perfgate.fleet.portfolio import total_of
from perfgate.fleet.schema import FleetFile
from perfgate.fleet.sentences import continuing
from perfgate.fleet.summary import headline_of, sorted_gates, verdict_of
from perfgate.gate.verdict import Verdict
from perfgate.pipeline.fleet_opening import OpenedGate, digests_of
from perfgate.pipeline.fleet_orders import capacity_of
from perfgate.results.result import Result
from perfgate.sanitize import one_line
from perfgate.version import __version__

_MOST_CAUSES = 2
_MOST_WORDS = 500
_NOT_MEASURED = "not measured yet: the fleet was stopped or ran out of time"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the command."""

    fleet: FleetFile
    levels: Levels
    measurements: Measurements
    command: tuple[str, ...]
    engine: str
    created: datetime


def answer_of(
    call: Call,
    opened: Sequence[OpenedGate],
    done: Sequence[Measured],
    results: Mapping[tuple[str, int], Result],
    ended: datetime,
) -> FleetAnswer:
    """Judge all gates together, and add up what models need.

    `results`: of each gate's rounds.
    """
    measurements, out = call.measurements, call.measurements.out
    rounds: dict[str, dict[int, Result]] = defaultdict(dict)
    for (name, number), result in sorted(results.items()):
        rounds[name][number] = result
    own: dict[str, list[Measured]] = defaultdict(list)
    for each in done:
        own[each.gate_id].append(each)
    found = verdicts(rounds, call.levels)
    gates = tuple(
        _gate(each, found.get(name := each.gate.gate_id), own[name], rounds.get(name, {}), call) for each in opened
    )
    measured = {each.gate_id for each in done if each.round_number != CAPACITY}
    history: tuple[Entry, ...] = ()
    with suppress(OSError):  # which is said when it is written
        history = read_history(out)
    gates = sorted_gates([replace(gate, since_utc=since(history, gate)) for gate in gates])
    verdict = verdict_of(gates)
    demands = tuple(_demands(opened, own, measurements))
    return FleetAnswer(
        fleet=call.fleet.name,
        created_utc=call.created.isoformat(timespec="seconds"),
        ended_utc=ended.isoformat(timespec="seconds"),
        perfgate_version=__version__,
        command=call.command,
        family=call.fleet.family,
        correction=call.fleet.correction,
        alpha=call.fleet.alpha,
        rounds=call.fleet.rounds,
        engine=call.engine,
        verdict=verdict,
        headline=headline_of(gates, verdict),
        complete=all(each.comparison is None or each.gate.gate_id in measured for each in opened),
        gates=gates,
        demands=demands,
        total=total_of(demands),
        seconds=(ended - call.created).total_seconds(),
        measured_s=sum(each.seconds for each in done if not each.kept),
    )


def _gate(
    opened: OpenedGate,
    found: GateVerdict | None,
    own: Sequence[Measured],
    rounds: Mapping[int, Result],
    call: Call,
) -> GateAnswer:
    """Describe a gate. `own`: its measurements; `rounds`: the results of those that have one."""
    gate = opened.gate
    shown = tuple(_measurement(each, rounds.get(each.round_number), call.measurements) for each in own)
    if found is not None:
        verdict, headline, moves = found.verdict, found.headline, found.moves
    else:
        verdict, headline, moves = opened.verdict or Verdict.INCONCLUSIVE, opened.problem, ()
        if opened.comparison is not None:
            problems = [each.problem for each in shown if each.problem]
            verdict = Verdict.INVALID if problems else Verdict.INCONCLUSIVE
            headline = problems[-1] if problems else f"{_NOT_MEASURED}; {continuing(call.command)}"
    return GateAnswer(
        gate_id=gate.gate_id,
        model_name=gate.model_name,
        model=gate.model,
        scenario_name=gate.scenario_name,
        compared_with=gate.against or gate.baseline or "",
        owner=gate.owner,
        priority=gate.priority,
        verdict=verdict,
        headline=headline,
        moves=moves,
        measurements=shown,
        digests=digests_of(opened),
        causes=_causes(rounds) if verdict is Verdict.FAIL else (),
        shown_round=found.round_number if found is not None else 0,
    )


def _causes(rounds: Mapping[int, Result]) -> tuple[str, ...]:
    """Return why a gate fails, from the last round that could explain it."""
    explained = [result.explanation for result in rounds.values() if result.explanation is not None]
    return cause_lines(explained[-1], _MOST_CAUSES) if explained else ()


def _measurement(measured: Measured, result: Result | None, measurements: Measurements) -> Measurement:
    problem = ""
    if measured.lost:
        problem = f"{measured.lost} ({measured.attempts} attempts)" if measured.attempts > 1 else measured.lost
    elif result is None and measured.round_number != CAPACITY:
        said = measurements.last_words(measured.gate_id, measured.round_number) or f"see its {LOG}"
        problem = f"it ended with exit code {measured.exit_code} and without a result: {one_line(said, _MOST_WORDS)}"
    directory = measurements.directory(measured.gate_id, measured.round_number)
    return Measurement(
        round_number=measured.round_number,
        directory=measurements.relative(directory),
        budget_s=measured.budget_s,
        node=measured.node,
        cpus=measured.cpus,
        began_utc=_utc(measured.began_s),
        ended_utc=_utc(measured.ended_s),
        attempts=measured.attempts,
        kept=measured.kept,
        fingerprint=result.fingerprint if result else "",
        problem=problem,
    )


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _demands(
    opened: Sequence[OpenedGate], own: Mapping[str, Sequence[Measured]], measurements: Measurements
) -> Iterator[ModelDemand]:
    """Yield every model with a demand, whether its capacity was measured or not."""
    gates: dict[str, list[FleetGate]] = defaultdict(list)
    for each in opened:
        if each.gate.demand_rps is not None:
            gates[each.gate.model_name].append(each.gate)
    for name, of_model in gates.items():
        searches = ((gate, each) for gate in of_model for each in own.get(gate.gate_id, ()))
        found = next((pair for pair in searches if pair[1].round_number == CAPACITY), None)
        gate, answer = (found[0], capacity_of(found[1], measurements)) if found else (of_model[0], None)
        parts = (answer.arms, answer.change, answer.needs) if answer else ((), None, None)
        yield ModelDemand(name, gate.demand_rps or 0.0, *parts)
