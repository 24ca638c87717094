"""Each metric in every output: a number has the same text wherever it appears."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from math import inf, isclose, isfinite

import pytest
from rich.console import Console

from perfgate import formatting
from perfgate.baseline.calibration import Detectable
from perfgate.gate.decide import decide
from perfgate.gate.headline import headline
from perfgate.gate.stopping import Standing
from perfgate.gate.verdict import Judgement, MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.metrics import BY_NAME, METRICS, Direction, Metric, Scale
from perfgate.pipeline.cautions import verdict_cautions
from perfgate.report.formats.benchmark_action import benchmark_action
from perfgate.report.formats.github import job_summary, workflow_commands
from perfgate.report.formats.junit import junit
from perfgate.report.history.page import render_history
from perfgate.report.history.terminal import print_history
from perfgate.report.html.page import render_html
from perfgate.report.terminal.calibration import print_calibration
from perfgate.report.terminal.live import View
from perfgate.report.terminal.result import final_line, print_result
from perfgate.results.advice import advice_of
from perfgate.results.calibration import BUDGETS_S
from perfgate.results.history import History, group_of, series_of
from perfgate.results.progress import Phase
from perfgate.results.result import Result
from perfgate.scenario.effective import EffectiveGate
from perfgate.scenario.project import Acceptance, Project
from perfgate.scenario.schema import Budget, Gate, MetricGate, Scenario
from perfgate.stats.summary import ArmSummary
from perfgate.trials import Arm
from tests.gate.effects import apart, case
from tests.report import example
from tests.report.history_records import records, step
from tests.report.test_calibration import CALIBRATION, EXECUTE

NEAR = 0.012
"""A number in an output that is this close to one of the metric's numbers is taken for it."""
BASELINE = {"share": 0.0112649}
TYPICAL = (0.0112649, 11.2649, 1234.5678)
NAMES = [metric.name for metric in METRICS]
TOLERANCE, UP_TO = 0.0683456, 0.3387654


@dataclass(frozen=True)
class Number:
    """A number, its displayed scale, and its only valid text."""

    kind: str
    value: float
    text: str

    @property
    def token(self) -> str:
        return tokens(self.text)[0]


def tokens(text: str) -> list[str]:
    """List the numbers in a text."""
    plain = html.unescape(text).replace("\N{MINUS SIGN}", "-").replace("%25", "%")
    return re.findall(r"(?<![\w.,-])(?<!\d:)[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]\d+)?(?![\d:-]|\.\d)", plain)


def otherwise_written(text: str, numbers: list[Number]) -> list[str]:
    """List the texts that stand for one of the numbers, but differ from its text."""
    found = []
    for token in tokens(text):
        value = abs(float(token.replace(",", "")))
        near = [number for number in numbers if isclose(value, abs(number.value), rel_tol=NEAR)]
        if near and token.lstrip("+-") not in {number.token.lstrip("+-") for number in near}:
            found += [f"{token} for {number.kind} {number.text}" for number in near]
    return found


def words_of(page: str) -> str:
    """Return the words of a page: the text between its tags, without style sheet, script, raw scenario and ticks."""
    without = re.sub(r"<(style|script|pre)\b.*?</\1>|<text [^>]*>[\d,.]+</text>", " ", page, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", without)


def printed(draw: Callable[[Console], None]) -> str:
    console = Console(file=io.StringIO(), width=250, color_system=None, highlight=False)
    with console.capture() as captured:
        draw(console)
    return captured.get()


def typical(metric: Metric) -> float:
    if metric.min_change:  # a small one would widen the tolerance
        return max(TYPICAL)
    return BASELINE.get(metric.unit, TYPICAL[METRICS.index(metric) % 3])


def scale_of(metric: Metric) -> float:
    return 10.0 if metric.unit.startswith("MiB/") else 1.0


def verdict_of(metric: Metric, in_tolerances: float, up_to: float | None = None) -> MetricVerdict:
    """Judge a regression of that many tolerances; `up_to`: an accepted one."""
    tolerance = TOLERANCE * scale_of(metric)
    accepted = Acceptance(up_to=up_to, reason="paid for", author="jo", expires=date(2027, 3, 1)) if up_to else None
    project = Project(accepted={metric.name: accepted} if accepted else {})
    gate = EffectiveGate(metrics={metric.name: MetricGate(tolerance=tolerance)}, project=project)
    size = tolerance * in_tolerances
    if metric.scale is Scale.DIFFERENCE:
        decided = replace(apart(metric.name, size, size / 40, gate=gate), measure_s=inf)
    else:
        change = size if metric.direction is Direction.LOWER else -size
        decided = case(metric.name, change, abs(size) / 40, gate=gate, baseline=typical(metric), replicas=12)
    (found,) = decide([decided], 0.01)
    before = typical(metric)
    return replace(found, effect=replace(found.effect, baseline_value=before, candidate_value=before * 1.31))


def result_of(verdict: MetricVerdict) -> Result:
    """Make a result of one metric and an objective on it, which fails."""
    whole = Verdict.FAIL if verdict.verdict is Verdict.FAIL else Verdict.PASS
    metric, value = BY_NAME[verdict.metric], verdict.effect.candidate_value
    bound = value * 0.87
    is_maximum = whole is Verdict.FAIL
    objective = ObjectiveVerdict(
        metric.name, whole, bound, is_maximum, value, value * 0.96, value * 1.05, "explained elsewhere", ""
    )
    reasons = (f"{metric.name} {verdict.reason}",)
    said = headline(whole, [verdict], [objective], reasons)
    judgement = Judgement(whole, said, (verdict,), (objective,), reasons if whole is Verdict.FAIL else ())
    summaries = tuple(
        ArmSummary(metric.name, arm, value, (value, value), "")
        for arm, value in ((Arm.BASELINE, verdict.effect.baseline_value), (Arm.CANDIDATE, value))
    )
    return replace(
        example.passing_small(),
        judgement=judgement,
        summaries=summaries,
        cautions=verdict_cautions(judgement),
        models={},
        replicas=(),
        stages=(),
        batch_sizes=(),
        request_classes=(),
        threads=(),
        generator=None,
        plan={},
        environment={},
        phases_s={},
    )


def numbers_of(verdict: MetricVerdict, bound: float) -> list[Number]:
    return list(_numbers(verdict, bound))


def _numbers(verdict: MetricVerdict, bound: float) -> Iterator[Number]:
    metric, effect = BY_NAME[verdict.metric], verdict.effect
    of_value = 100 if metric.unit == "share" else 1
    of_change = 100 if metric.scale is Scale.RATIO else of_value
    name = metric.name
    yield Number("baseline", of_value * effect.baseline_value, formatting.quantity(effect.baseline_value, name))
    yield Number("candidate", of_value * effect.candidate_value, formatting.quantity(effect.candidate_value, name))
    yield Number("bound", of_value * bound, formatting.bound(bound, name))
    yield Number("change", of_change * effect.change, formatting.change(effect.change, name))
    low, high = formatting.interval(effect.lower, effect.upper, name).strip("[]").split(", ")
    yield Number("lower", of_change * effect.lower, low)
    yield Number("upper", of_change * effect.upper, high)
    limits = {"tolerance": verdict.tolerance, "detectable": verdict.detectable}
    if verdict.accepted:
        limits |= {"up to": verdict.accepted.up_to, "own tolerance": verdict.accepted.own_tolerance}
    for kind, limit in limits.items():
        text = formatting.limit(limit, name)
        yield Number(kind, of_change * limit, text)
        if metric.direction is Direction.HIGHER:
            yield Number(kind, of_change * (1 / (1 + limit) - 1), text)


OUTPUTS: dict[str, tuple[Callable[[Result], str], set[str]]] = {
    "final line": (lambda result: final_line(result, None), {"change", "lower", "upper", "tolerance"}),
    "terminal": (
        lambda result: printed(lambda console: print_result(console, result, every_metric=True)),
        {"baseline", "candidate", "bound", "change", "lower", "upper", "tolerance", "detectable"},
    ),
    "live view": (
        lambda result: printed(lambda console: console.print(_view(result))),
        {"candidate", "bound", "change", "lower", "upper", "tolerance"},
    ),
    "page": (
        lambda result: words_of(render_html(result)),
        {"baseline", "candidate", "bound", "change", "lower", "upper", "tolerance", "detectable"},
    ),
    "JUnit": (
        lambda result: junit([result]),
        {"candidate", "bound", "change", "lower", "upper", "tolerance", "detectable"},
    ),
    "annotations": (
        lambda result: "\n".join(workflow_commands(result)),
        {"candidate", "bound", "change", "lower", "upper", "tolerance", "detectable"},
    ),
    "job summary": (
        lambda result: job_summary([result]),
        {"baseline", "candidate", "bound", "change", "lower", "upper", "tolerance", "detectable"},
    ),
    "benchmark action": (
        lambda result: "\n".join(
            entry["extra"] for way in Direction for entry in json.loads(benchmark_action([result], way))
        ),
        {"change", "tolerance"},
    ),
}


def _view(result: Result) -> View:
    assert result.judgement
    standing = Standing(result.judgement.metrics, result.judgement.objectives, 2)
    return View(Phase("single requests", 27.0), 23.0, 0.0, standing)


CHANGES = {"fails": (2.63, None), "is accepted": (2.83, UP_TO), "needs no acceptance": (0.37, UP_TO)}
"""In tolerances, and what is accepted."""
SHOWS_ACCEPTANCE = {"terminal", "page", "JUnit", "job summary"}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_number_is_the_same_text_in_every_output(name: str, what: str) -> None:
    in_tolerances, up_to = CHANGES[what]
    metric = BY_NAME[name]
    verdict = verdict_of(metric, in_tolerances, up_to and up_to * scale_of(metric))
    result = result_of(verdict)
    assert result.judgement
    numbers = numbers_of(verdict, result.judgement.objectives[0].bound)
    for output, (write, kinds) in OUTPUTS.items():
        text = write(result)
        assert (output, otherwise_written(text, numbers)) == (output, [])
        shown = kinds if output != "annotations" or what == "fails" else set()
        if verdict.accepted and output in SHOWS_ACCEPTANCE:
            shown = shown | {"up to", "own tolerance"}
        missing = {number.token for number in numbers if number.kind in shown} - set(tokens(text))
        assert (output, missing) == (output, set())


@pytest.mark.parametrize("name", NAMES)
def test_a_history_writes_numbers_as_a_result_does(name: str) -> None:
    metric = BY_NAME[name]
    made = records({name: [*step(40, 25, 0.31, typical(metric), spread=0.003)]})
    history = History("prod", "baselines", group_of(made), tuple(series_of(made)))
    (series,) = history.series
    (found,) = series.changes
    of_value = 100 if metric.unit == "share" else 1
    of_change = 100 if series.scale is Scale.RATIO else of_value
    values = {"first": series.values[0], "last": series.values[-1], "before": found.before, "after": found.after}
    numbers = [Number(kind, of_value * value, formatting.quantity(value, name)) for kind, value in values.items()]
    changes = {"change": found.change, "lower": found.lower, "upper": found.upper}
    ends = formatting.interval(found.lower, found.upper, name).strip("[]").split(", ")
    texts = [formatting.change(found.change, name), *ends]
    for (kind, value), text in zip(changes.items(), texts, strict=True):
        numbers.append(Number(kind, of_change * value, text))
    terminal = printed(lambda console: print_history(console, history, small=True))
    page = words_of(render_history(history, small=True))
    for text in (terminal, page):
        assert otherwise_written(text, numbers) == []
        assert {number.token for number in numbers} <= set(tokens(text))


@pytest.mark.parametrize("name", NAMES)
def test_a_calibration_and_its_advice_write_a_regression_as_a_result_does(name: str) -> None:
    metric = BY_NAME[name]
    scenario = Scenario(
        gate=Gate(metrics={name: MetricGate(tolerance=0.0123456 * scale_of(metric))}), budget=Budget(measure_s=45.0)
    )
    source = {"cost/execute", "load/request"} & {each.value for each in metric.sources} or {"cost/execute"}
    components = replace(EXECUTE, metric=name, source=min(source), typical=1e6, replica_sd=0.05)
    caught = {budget_s: 0.0687654 * (1 + 0.1 * number) for number, budget_s in enumerate(BUDGETS_S)}
    calibration = replace(
        CALIBRATION,
        components=(components,),
        detectable=tuple(Detectable(name, budget_s, share) for budget_s, share in caught.items()),
    )
    of_change = 100 if metric.scale is Scale.RATIO or metric.unit == "share" else 1
    numbers = [Number("caught", of_change * share, formatting.limit(share, name)) for share in caught.values()]
    printout = printed(lambda console: print_calibration(console, calibration, scenario))
    assert {number.token for number in numbers} <= set(tokens(printout))
    advice = advice_of(calibration, scenario)
    (foretold,) = advice.plan["calibration"]["metrics"]
    asked = formatting.limit(foretold["catch"], name)
    assert tokens(asked)[0] in tokens(printout)
    said = " ".join([advice.sentence, *(caution.message for caution in advice.cautions)])
    assert asked in said
    if isfinite(foretold["detectable"]) and advice.cautions:
        assert formatting.limit(foretold["detectable"], name) in said


def test_another_text_would_show() -> None:
    verdict = verdict_of(BY_NAME["throughput_rps"], 2.63)
    numbers = numbers_of(verdict, 20.0)
    assert otherwise_written("tolerance 6.83%, -6.4%", numbers) == ["6.83 for tolerance -6.4%"]
    assert otherwise_written("1234.5 1/s", [Number("value", 1234.5, "1,234 1/s")]) == ["1234.5 for value 1,234 1/s"]
