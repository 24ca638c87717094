"""Every kind of result that has a page, by name, for the tests that render them all.

To inspect them: `python -m tests.report.kinds DIRECTORY` writes one page for each kind.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from perfgate.experiment.timeline import Timeline
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.report.html.page import render_html
from perfgate.results.result import BlockColumns, Outcome, RecordFacts, Result, TrialColumns
from perfgate.scenario.effective import effective
from perfgate.scenario.schema import Budget, Scenario
from perfgate.stats.summary import ArmSummary, Curve
from perfgate.trials import Arm
from tests.capacity.answers import two_arms
from tests.explain import samples
from tests.report import example, example_trials

LONG_REQUESTS = 1_000_000
"""Requests of each arm of the long run."""
_LONG_S, _LOAD_S = 3600.0, 720.0
_THEN = "2026-02-28T10:15:00Z"


def disturbed() -> Result:
    """An undecided run, disturbed by other work for a quarter of its time; its second half lost some requests, too."""
    result = example.inconclusive()
    trials, blocks = result.trials, result.blocks
    pressure = tuple(
        0.8 if 15 < at < 24 else known for at, known in zip(blocks.start_s, blocks.cpu_pressure_share, strict=True)
    )
    lost = tuple(3 if lane == "load" and at > 50 else 0 for lane, at in zip(trials.lane, trials.start_s, strict=True))
    return replace(result, trials=replace(trials, errors=lost), blocks=replace(blocks, cpu_pressure_share=pressure))


def measured_again() -> Result:
    """A stored model measured again, on a machine that differs slightly from the one where it was recorded."""
    result = example.failing()
    then = {**result.environment, "kernel": "6.0.9", "cores": 4.0, "load_average": 2.0, "variables": {}}
    return replace(result, record=RecordFacts("prod/20260228T101500.000Z-0123456789ab", _THEN, "sha256:0e", then))


def stored_numbers() -> Result:
    """A candidate compared with numbers of the same environment."""
    result = example.stored_numbers()
    assert result.stored
    return replace(result, record=RecordFacts(result.stored.records[0], _THEN, result.fingerprint, result.environment))


def searched() -> Result:
    """A run whose scenario names the capacity, so that its servers were overloaded at the end."""
    return replace(example.failing(), capacity=two_arms())


def died_in_warm_up() -> Result:
    """A run whose servers died during warm-up, so nothing was measured."""
    problem = "the server of candidate replica 3 died while it was warmed up (signal 9)"
    remedy = "see servers.log; perhaps not enough memory: --replicas 4"
    return replace(
        _nothing_measured(example.invalid()),
        judgement=Judgement(Verdict.INVALID, problem, (), (), (problem, remedy)),
        cautions=(),
        phases_s={"start 24 servers": 3.1, "warm-up": 0.7},
        wall_s=4.2,
    )


def interrupted() -> Result:
    """A run that was interrupted half-way: what was measured is judged, but is not a verdict."""
    return replace(example.inconclusive(5), status=Outcome.INTERRUPTED, cautions=(), plan=_planned((54.0, 18.0, 18.0)))


def one_replica() -> Result:
    """One server an arm, so the difference between servers is unknown."""
    result = example.one_replica()
    first = [index for index, replica in enumerate(result.trials.replica) if replica == 0]
    names = TrialColumns.__dataclass_fields__
    trials = {name: tuple(getattr(result.trials, name)[index] for index in first) for name in names}
    return replace(result, trials=TrialColumns(**trials))


def explained() -> Result:
    """A failed run whose cause was looked for and found."""
    return replace(example.failing(), explanation=samples.extra_layer())


def hostile() -> Result:
    """Every external string tries to break out, including those of the baseline's record and of the graphs."""
    result = replace(example.hostile(), explanation=samples.hostile())
    nasty = result.run_id
    return replace(result, record=RecordFacts(nasty, nasty, nasty, {nasty: nasty, "variables": {nasty: [nasty]}}))


def interrupted_at_start() -> Result:
    """A run that was interrupted before its first block."""
    judgement = Judgement(Verdict.INCONCLUSIVE, "before anything was measured", (), (), ())
    phases_s = {"start 24 servers": 1.2}
    return replace(_nothing_measured(example.interrupted()), judgement=judgement, phases_s=phases_s, wall_s=1.3)


def stored_refused() -> Result:
    """A candidate whose baseline only has another machine's numbers, which are not compared."""
    result = example.stored_numbers()
    assert result.stored
    assert result.judgement
    then = {**result.environment, "cores": 4.0}
    why = (
        "the environment differs from that of prod/20260228T101500.000Z-0123456789ab (cores 4 then, 2 now), so stored "
        "numbers are not comparable"
    )
    remedy = "record it here too with `perfgate baseline record MODEL --name prod`"
    objectives = result.judgement.objectives
    return replace(
        result,
        stored=replace(result.stored, records=()),
        record=RecordFacts("prod/20260228T101500.000Z-0123456789ab", _THEN, "sha256:0e", then),
        judgement=Judgement(Verdict.INCONCLUSIVE, why, (), objectives, (why, remedy)),
    )


def short(seed: int = 12) -> Result:
    """Three seconds of measuring, two servers an arm, forty requests a side under load."""
    result = example.inconclusive(seed)
    few = np.random.default_rng(seed)
    scenario = Scenario(name="ranker", budget=Budget(measure_s=3.0, replicas=2))
    trials = _squeezed(example_trials.trials(few, 60, {"execute_ms": 0.012}), 3.4, 3.0)
    waiting = tuple(
        ArmSummary(name, arm, None, (), f"needs {need:,} requests, has 40")
        for name, need in (("latency_p99_ms", 299), ("latency_p999_ms", 2_995))
        for arm in Arm
    )
    kept = tuple(s for s in result.summaries if s.metric not in {"latency_p99_ms", "latency_p999_ms"})
    return replace(
        result,
        scenario=effective(scenario).model_dump(mode="json"),
        plan={**_planned((1.8, 0.6, 0.6)), "replicas": 2},
        replicas=tuple(r for r in result.replicas if r.start_position < 4),
        trials=trials,
        blocks=example_trials.blocks(few, trials),
        curves=tuple(_sampled(arm, 40, 1.0 + 0.03 * (arm is Arm.CANDIDATE)) for arm in Arm),
        summaries=(*kept, *waiting),
        request_classes=(),
        timeline=Timeline(),
        phases_s={"start 4 servers": 2.1, "warm-up": 1.3, **_phases((1.8, 0.6, 0.6))},
        wall_s=7.1,
    )


def long(seed: int = 13, rows: int = 40_000) -> Result:
    """An hour: forty thousand trials, a million requests a side under load, a sample of each server each second."""
    result = example.failing(seed)
    rng = np.random.default_rng(seed)
    trials = _squeezed(example_trials.trials(rng, rows, {"execute_ms": 0.124}), 42.0, _LONG_S)
    lasts = (2160.0, 720.0, _LOAD_S)
    return replace(
        result,
        plan=_planned(lasts),
        trials=trials,
        blocks=example_trials.blocks(rng, trials),
        curves=tuple(_sampled(arm, LONG_REQUESTS, 1.0 + 0.09 * (arm is Arm.CANDIDATE)) for arm in Arm),
        timeline=_timeline(rng, 42.0 + _LONG_S - _LOAD_S, _LOAD_S),
        phases_s={"start 24 servers": 12.0, "warm-up": 30.0, **_phases(lasts)},
        wall_s=_LONG_S + 60.0,
    )


KINDS: Mapping[str, Callable[[], Result]] = {
    "pass": example.passing,
    "fail": example.failing,
    "inconclusive": disturbed,
    "invalid": example.invalid,
    "died_in_warm_up": died_in_warm_up,
    "no_baseline": example.no_baseline,
    "measured_again": measured_again,
    "stored_numbers": stored_numbers,
    "stored_refused": stored_refused,
    "interrupted": interrupted,
    "interrupted_at_start": interrupted_at_start,
    "short": short,
    "long": long,
    "leaking": example.leaking,
    "lenient": example.lenient,
    "one_replica": one_replica,
    "explained": explained,
    "searched": searched,
    "hostile": hostile,
}
"""Name of the kind, and a function that makes its result, the same at each call."""


@cache
def page(name: str) -> str:
    """Render the page of a kind, once."""
    return render_html(KINDS[name]())


def _nothing_measured(result: Result) -> Result:
    return replace(
        result,
        trials=TrialColumns(),
        blocks=BlockColumns(),
        replicas=(),
        batch_sizes=(),
        request_classes=(),
        timeline=Timeline(),
    )


def _squeezed(trials: TrialColumns, begin_s: float, length_s: float) -> TrialColumns:
    """Shift and scale the trials to other times than the example's 45 s from 9 s on."""
    return replace(trials, start_s=tuple(begin_s + (at - 9.0) / 45.0 * length_s for at in trials.start_s))


def _planned(seconds: tuple[float, float, float]) -> dict[str, object]:
    places = (("cost", "execute"), ("cost", "request"), ("load", "request"))
    segments = [
        {"lane": lane, "depth": depth, "seconds": each, "looks": [0.5, 1.0]}
        for (lane, depth), each in zip(places, seconds, strict=True)
    ]
    return {**example.passing().plan, "segments": segments}


def _phases(seconds: tuple[float, float, float]) -> dict[str, float]:
    names = ("executions inside the servers", "single requests", "the scenario's load")
    return dict(zip(names, seconds, strict=True))


def _sampled(arm: Arm, requests: int, factor: float) -> Curve:
    """Return about 400 ranks of a distribution of that many requests, 1 % of which take three times as long."""
    tail = np.geomspace(requests, 1, 200)
    ranks = np.unique(np.concatenate([np.linspace(0, requests - 1, 200), requests - tail]).astype(int))
    share = (ranks + 0.5) / requests
    logistic = np.log(share / (1 - share)) * 0.16
    late = np.where(share > 0.99, 3.0, 1.0) * np.where(share > 0.9999, 2.0, 1.0)
    return Curve(
        arm,
        requests,
        tuple((4.3 * factor * np.exp(logistic) * late).tolist()),
        tuple(((ranks + 1) / requests).tolist()),
    )


def _timeline(rng: np.random.Generator, begin_s: float, length_s: float) -> Timeline:
    """Sample 2 x 12 servers at 250 instants."""
    at_s = begin_s + np.linspace(0, length_s, 250)
    columns = [(t, arm.value, replica) for t in at_s.tolist() for replica in range(12) for arm in Arm]
    used_ms = [(t - begin_s) * 40.0 + 900.0 for t, _, _ in columns]
    rss_mb = 312 + rng.normal(0, 0.4, len(columns)) + [12.0 * (arm == Arm.CANDIDATE) for _, arm, _ in columns]
    return Timeline(
        time_s=tuple(t for t, _, _ in columns),
        arm=tuple(arm for _, arm, _ in columns),
        replica=tuple(replica for _, _, replica in columns),
        cpu_ms=tuple(used_ms),
        rss_mb=tuple(rss_mb.tolist()),
        cost_share=0.004,
    )


def main(directory: Path) -> None:
    """Write one page for each kind."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in KINDS:
        (directory / f"{name}.html").write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
