"""Invented answers of `perfgate fleet` whose numbers agree with each other, one of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle, islice
from math import inf, log1p, nan

from perfgate.capacity.answer import CapacityAnswer
from perfgate.capacity.servers_needed import servers_needed
from perfgate.fleet.answer import FleetAnswer, GateAnswer, Measurement, MetricMove, ModelDemand
from perfgate.fleet.history import Entry, entry_of
from perfgate.fleet.portfolio import total_of
from perfgate.fleet.schema import Correction, Family
from perfgate.fleet.summary import headline_of, sorted_gates, verdict_of
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME, Direction
from tests.capacity import answers as capacities
from tests.capacity.answers import HOSTILE

SINCE = "2026-11-27T02:00:00+00:00"
METRICS = ("latency_p99_ms", "execute_ms", "cpu_ms_per_request", "service_mean_ms", "throughput_rps", "rss_peak_mb")
_HALF = 0.03
"""Half the width of an interval."""


def passing() -> FleetAnswer:
    """Return three gates of two models that pass; one metric is better."""
    return answer(
        gate("ranker", "bursty", move("latency_p99_ms", -0.104), move("rss_peak_mb", 0.001)),
        gate("ranker", "steady", move("latency_p99_ms", 0.004)),
        gate("audio", "steady", move("execute_ms", -0.002), owner=""),
    )


def failing() -> FleetAnswer:
    """Return a gate that fails, beside one each that is undecided and passes, with demands of both models."""
    return replace(
        answer(
            gate("ranker", "bursty", move("latency_p99_ms", 0.166), move("execute_ms", 0.002), since=SINCE),
            gate("ranker", "steady", move("latency_p99_ms", 0.031), rounds=(measurement(1), measurement(2))),
            gate("audio", "steady", move("execute_ms", -0.084), move("rss_peak_mb", 0.041), since=SINCE),
        ),
        demands=(demand("ranker", capacities.two_arms(), 20_000.0), demand("audio", capacities.no_difference(), 900.0)),
        total=total_of(
            (demand("ranker", capacities.two_arms(), 20_000.0), demand("audio", capacities.no_difference(), 900.0))
        ),
    )


def explained() -> FleetAnswer:
    """Return a gate that fails, and why."""
    found = gate("ranker", "bursty", move("execute_ms", 0.266))
    causes = ("Operations were added in tower_4: +0.371 ms [+0.363, +0.38]", "Casts <b>to</b> float64: +0.01 ms")
    return answer(replace(found, causes=causes))


def undecided() -> FleetAnswer:
    """Return one gate that is undecided after two rounds."""
    return answer(gate("ranker", "bursty", move("latency_p99_ms", 0.031), rounds=(measurement(1), measurement(2))))


def invalid() -> FleetAnswer:
    """Return a gate whose measurement was lost, one whose baseline was changed, and one that failed."""
    lost = replace(measurement(1), attempts=3, problem="node n2 was lost (3 attempts)", fingerprint="")
    return answer(
        replace(gate("ranker", "bursty", rounds=(lost,)), verdict=Verdict.INVALID, headline=lost.problem),
        replace(
            gate("audio", "steady", rounds=()), verdict=Verdict.INVALID,
            headline="the model of baseline prod was changed since: run `perfgate baseline record` again",
        ),
        gate("vision", "steady", move("latency_p99_ms", 0.166), rounds=(replace(measurement(1), attempts=2),)),
    )  # fmt: skip


def interrupted() -> FleetAnswer:
    """Return a fleet of which one gate was measured, and one was not."""
    waiting = "not measured: the fleet was interrupted, or its time was up"
    found = answer(
        gate("audio", "steady", move("execute_ms", -0.002)),
        replace(gate("ranker", "bursty", rounds=()), verdict=Verdict.INCONCLUSIVE, headline=waiting),
    )
    return replace(found, complete=False)


def objectives_only() -> FleetAnswer:
    """Return gates of which nothing is compared: one breaks an objective."""
    broken = replace(gate("ranker", "bursty"), verdict=Verdict.FAIL, headline="latency_p99_ms 28.4 ms > 20 ms")
    held = replace(gate("audio", "steady"), headline="latency_p99_ms 8.4 ms <= 20 ms")
    return answer(*(replace(each, compared_with="", digests={"candidate": CANDIDATE}) for each in (broken, held)))


def no_ends() -> FleetAnswer:
    """Return metrics without a number, and with an interval that has one end or none."""
    known = move("latency_p99_ms", 0.031)
    return answer(
        gate(
            "ranker", "bursty", replace(known, upper=inf, worse_upper=inf),
            replace(known, metric="execute_ms", lower=-inf, worse_lower=-inf, moved=False),
            replace(
                known, metric="rss_peak_mb", change=nan, lower=-inf, upper=inf, worse_by=nan, worse_lower=-inf,
                worse_upper=inf, moved=False,
            ),
        ),
        gate("audio", "steady", replace(known, lower=2.1, change=3.0, upper=9.0, worse_by=28.0, worse_lower=23.0,
                                        worse_upper=47.0, moved=True, verdict=Verdict.FAIL)),
    )  # fmt: skip


def no_baseline_demand() -> FleetAnswer:
    """Return demands of versions that are compared with nothing, and one whose capacity is not known."""
    demands = (
        demand("ranker", capacities.one_arm(), 20_000.0),
        demand("audio", capacities.above(), 900.0),
        demand("vision", capacities.below(), 10.0),
        ModelDemand("text", 5.0, (), None, None),
    )
    names = ("ranker", "audio", "vision", "text")
    gates = (gate(name, "steady", move("execute_ms", 0.002)) for name in names)
    found = answer(*(replace(each, compared_with="") for each in gates))
    return replace(found, demands=demands, total=total_of(demands))


def hostile() -> FleetAnswer:
    """Return text that would be markup, code, control characters or another place where it is not escaped."""
    lost = replace(measurement(1), directory=f"//evil.example/{HOSTILE}", node=HOSTILE, fingerprint=HOSTILE)
    names = (f"../../{HOSTILE}", "javascript:alert(1)", "Ranker", "ranker", "x" * 300, "..", HOSTILE)
    gates = [
        replace(
            gate(name, HOSTILE, replace(move("latency_p99_ms", 0.166), metric=HOSTILE), rounds=(lost,)),
            owner=HOSTILE, compared_with=HOSTILE, model=HOSTILE, headline=HOSTILE, since_utc=HOSTILE,
            digests={HOSTILE: HOSTILE},
        )
        for name in names
    ]  # fmt: skip
    bad = replace(gates[0], gate_id="bad", verdict=Verdict.INVALID, measurements=(replace(lost, problem=HOSTILE),))
    found = answer(*gates, bad)
    told = dict.fromkeys(("fleet", "engine", "headline", "created_utc", "ended_utc", "perfgate_version"), HOSTILE)
    demands = (demand(names[0], capacities.hostile(), 20_000.0),)
    return replace(found, **told, command=(HOSTILE,), demands=demands, total=total_of(demands))  # type: ignore[arg-type]


def many(count: int = 60) -> FleetAnswer:
    """Return gates with six metrics each, of which most moved, and with long names."""
    changes = islice(cycle((0.166, 0.031, -0.104, 0.004, 0.062, -0.041, 0.25, 0.002, -0.31)), count)
    gates = []
    for number, change in enumerate(changes):
        name = f"recommendation-two-towers-with-cross-features-{number // 2:04d}"
        moves = [move(metric, change + 0.01 * place) for place, metric in enumerate(METRICS)]
        scenario = ("evening-peak-with-bursts", "night")[number % 2]
        rounds = tuple(measurement(each, node=f"node-{number % 7}") for each in (1, 2)[: 1 + number % 2])
        found = gate(name, scenario, *moves, owner=f"team {number % 5} of recommendations", rounds=rounds, since=SINCE)
        gates.append(replace(found, compared_with=f"released/{name}"))
    return answer(*gates)


CANDIDATE, BASELINE = "sha256:" + 16 * "a1b2", "sha256:" + 16 * "c3d4"

SAMPLES: dict[str, Callable[[], FleetAnswer]] = {
    each.__name__: each
    for each in (
        passing, failing, explained, undecided, invalid, interrupted, objectives_only, no_ends, no_baseline_demand,
        hostile, many,
    )
}  # fmt: skip
"""Each kind of answer by name."""


def answer(*gates: GateAnswer) -> FleetAnswer:
    """Return an answer about these gates."""
    found = sorted_gates(gates)
    verdict = verdict_of(found)
    return FleetAnswer(
        fleet="production",
        created_utc="2026-11-29T10:45:02+00:00",
        ended_utc="2026-11-29T11:52:40+00:00",
        perfgate_version="0.9.0",
        command=("perfgate", "fleet", "production.toml"),
        family=Family.FLEET,
        correction=Correction.HOLM,
        alpha=0.01,
        rounds=2,
        engine="this machine (n1), 8 cores",
        verdict=verdict,
        headline=headline_of(found, verdict),
        complete=True,
        gates=found,
        seconds=4058.0,
        measured_s=15_311.0,
    )


def gate(
    name: str,
    scenario: str,
    *moves: MetricMove,
    owner: str = "ranking team",
    rounds: tuple[Measurement, ...] | None = None,
    since: str = "",
) -> GateAnswer:
    """Return a gate with the verdict of its metrics; it passes without any."""
    ordered = tuple(sorted(moves, key=lambda each: -each.worse_by))
    found = {each.verdict for each in moves}
    verdict = next((each for each in (Verdict.FAIL, Verdict.INCONCLUSIVE) if each in found), Verdict.PASS)
    gate_id = f"{name}--{scenario}"
    measured = (measurement(1),) if rounds is None else rounds
    return GateAnswer(
        gate_id=gate_id,
        model_name=name,
        model=f"models/{name}/2",
        scenario_name=scenario,
        compared_with=f"models/{name}/1",
        owner=owner,
        priority=0,
        verdict=verdict,
        headline=_headline(ordered, verdict),
        moves=ordered,
        measurements=tuple(replace(each, directory=f"gates/{gate_id}/{each.round_number}") for each in measured),
        since_utc=since if any(each.moved for each in moves) else "",
        digests={"candidate": CANDIDATE, "baseline": BASELINE},
    )


def _headline(moves: Sequence[MetricMove], verdict: Verdict) -> str:
    if verdict is Verdict.INCONCLUSIVE:
        return f"{moves[0].metric} needs about 90 s more"
    return f"{moves[0].metric} {100 * moves[0].change:+.1f}%" if moves else "all objectives hold"


def move(metric: str, change: float) -> MetricMove:
    """Return a relative change with a tolerance of 5 %, and its verdict."""
    sign = 1 if BY_NAME[metric].direction is Direction.LOWER else -1
    lower, upper = change - _HALF, change + _HALF
    worse_by, *ends = (sign * log1p(each) / log1p(0.05) for each in (change, lower, upper))
    verdict = Verdict.FAIL if min(ends) > 1 else Verdict.PASS if max(ends) < 1 else Verdict.INCONCLUSIVE
    return MetricMove(
        metric, change, lower, upper, 0.05, verdict, lower > 0 or upper < 0, worse_by, min(ends), max(ends)
    )


def measurement(round_number: int, node: str = "n1") -> Measurement:
    """Return a measurement of 42 s; a gate fills in its directory."""
    return Measurement(
        round_number=round_number,
        directory="",
        budget_s=30.0,
        node=node,
        cpus=(2, 3),
        began_utc="2026-11-29T10:45:09.120+00:00",
        ended_utc="2026-11-29T10:45:51.120+00:00",
        attempts=1,
        kept=round_number == 1,
        fingerprint="a70f4e5cc891955c",
    )


def demand(name: str, found: CapacityAnswer, demand_rps: float) -> ModelDemand:
    """Return the servers that a model needs for a demand."""
    return ModelDemand(name, demand_rps, found.arms, found.change, servers_needed(found, demand_rps, 0.3, 0))


def history(found: FleetAnswer, calls: int = 3) -> tuple[Entry, ...]:
    """Return entries of daily calls that found what the last one did, but the first, in which nothing moved."""
    days = range(29 - calls + 1, 30)
    entries = [entry_of(gate, f"2026-11-{day:02d}T02:00:00+00:00") for day in days for gate in found.gates]
    first = len(found.gates)
    return (*(replace(each, verdict="pass", moved={}) for each in entries[:first]), *entries[first:])
