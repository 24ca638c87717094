"""The answer of a fleet, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from perfgate.explain.sentences import cause_lines
from perfgate.fleet.answer import FleetAnswer, GateAnswer, Measurement, ModelDemand
from perfgate.fleet.conduct import CAPACITY
from perfgate.fleet.history import append_history, missing, read_history, since
from perfgate.fleet.judging import GateVerdict, Levels, verdicts
from perfgate.fleet.measured import LOG, Measured, Measurements
from perfgate.fleet.portfolio import total_of
from perfgate.fleet.schema import FleetFile
from perfgate.fleet.summary import headline_of, sorted_gates, verdict_of
from perfgate.gate.verdict import Verdict
from perfgate.pipeline.fleet_opening import OpenedGate, digests_of
from perfgate.pipeline.fleet_orders import capacity_of
from perfgate.results.result import Result
from perfgate.sanitize import one_line
from perfgate.version import __version__

_MOST_CAUSES = 2
_MOST_WORDS = 500
NOT_MEASURED = "not measured: the fleet was stopped before, or its time was up; the same command continues"


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
    """Judge all gates together, and add up what models need; what is not in the history yet goes into it.

    `results`: of each gate's rounds.
    """
    measurements, out = call.measurements, call.measurements.out
    rounds = {
        each.gate.gate_id: {number: result for (name, number), result in results.items() if name == each.gate.gate_id}
        for each in opened
    }
    found = verdicts({name: of for name, of in rounds.items() if of}, call.levels)
    gates = tuple(_gate(each, found.get(each.gate.gate_id), done, results, measurements) for each in opened)
    append_history(out, missing(read_history(out), gates))
    history = read_history(out)
    gates = sorted_gates([replace(gate, since_utc=since(history, gate)) for gate in gates])
    verdict = verdict_of(gates)
    demands = tuple(_demands(opened, done, measurements))
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
        complete=all(each.comparison is None or each.gate.gate_id in rounds_of(done) for each in opened),
        gates=gates,
        demands=demands,
        total=total_of(demands),
        seconds=(ended - call.created).total_seconds(),
        measured_s=sum(each.seconds for each in done if not each.kept),
    )


def rounds_of(done: Sequence[Measured]) -> set[str]:
    """Return the gates that were measured."""
    return {each.gate_id for each in done if each.round_number != CAPACITY}


def _gate(
    opened: OpenedGate,
    found: GateVerdict | None,
    done: Sequence[Measured],
    results: Mapping[tuple[str, int], Result],
    measurements: Measurements,
) -> GateAnswer:
    gate = opened.gate
    own = [each for each in done if each.gate_id == gate.gate_id]
    shown = tuple(_measurement(each, results.get((each.gate_id, each.round_number)), measurements) for each in own)
    if found is not None:
        verdict, headline, moves = found.verdict, found.headline, found.moves
    else:
        verdict, headline, moves = opened.verdict or Verdict.INCONCLUSIVE, opened.problem, ()
        if opened.comparison is not None:
            problems = [each.problem for each in shown if each.problem]
            verdict = Verdict.INVALID if problems else Verdict.INCONCLUSIVE
            headline = problems[-1] if problems else NOT_MEASURED
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
        causes=_causes(gate.gate_id, results) if verdict is Verdict.FAIL else (),
    )


def _causes(gate_id: str, results: Mapping[tuple[str, int], Result]) -> tuple[str, ...]:
    """Return why a gate fails, from the last round that could explain it."""
    of_gate = (result.explanation for (name, _), result in sorted(results.items()) if name == gate_id)
    explained = [explanation for explanation in of_gate if explanation is not None]
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


def _demands(opened: Sequence[OpenedGate], done: Sequence[Measured], measurements: Measurements) -> list[ModelDemand]:
    found = []
    for each in opened:
        gate = each.gate
        for measured in done:
            if gate.demand_rps is None or measured.gate_id != gate.gate_id or measured.round_number != CAPACITY:
                continue
            if (answer := capacity_of(measured, measurements)) is None:
                found.append(ModelDemand(gate.model_name, gate.demand_rps, (), None, None))
            else:
                demand = ModelDemand(gate.model_name, gate.demand_rps, answer.arms, answer.change, answer.needs)
                found.append(demand)
    return found
