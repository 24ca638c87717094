"""From evidence to an explanation: what comes first, and what is said once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perfgate.explain.evidence import Evidence
from perfgate.explain.explain import explain
from perfgate.explain.explanation import Explanation, Finding, StaticDifferences
from perfgate.trials import Arm, Memory, ReplicaFacts
from tests.explain.graphs import Spec, spec
from tests.explain.measured import Version, evidence

NONE = StaticDifferences((), (), (), (0, 0, 0), (), ())


def _chain(*ops: str, **ms: float) -> Version:
    """Return operations that follow each other, each named by its type and place."""
    specs: list[Spec] = []
    for number, op in enumerate(ops):
        specs.append(spec(f"{op}{number}", op, specs[-1].name if specs else "x", T="float32"))
    return Version([*specs, spec("out", "Softmax", specs[-1].name if specs else "x", T="float32")], ms=ms)


def _codes(found: Explanation) -> list[str]:
    return [cause.code for cause in found.causes]


def test_what_makes_it_slower_comes_by_its_weight_and_what_saves_comes_last() -> None:
    old, new = _chain("Exp", "Tanh", "Sin"), _chain("StringLower", "Tanh", "Sin", "Cosh", StringLower0=0.25, Cosh3=0.5)
    first = _codes(explain(evidence(old, new)))
    assert first == ["op added", "string ops"]
    heavier = replace(new, ms={"StringLower0": 0.7, "Cosh3": 0.5})
    assert _codes(explain(evidence(old, heavier))) == ["string ops", "op added"]
    shorter = _chain("Tanh", "Sin", "Cosh", Cosh2=0.05)
    saved = explain(evidence(replace(old, ms={"Exp0": 0.4}), shorter))
    assert _codes(saved) == ["op added", "op removed"]
    assert saved.causes[-1].change_ms is not None
    assert saved.causes[-1].change_ms.high < 0


def test_a_certain_saving_of_a_code_is_told_rather_than_one_of_it_that_could_be_0() -> None:
    """Both operations were exchanged: the first for a faster one, the last for one of the same time."""
    old = _chain("Exp", "Tanh", "Sin", Exp0=0.4, Sin2=0.3)
    new = _chain("Elu", "Tanh", "Cos", Elu0=0.1, Cos2=0.3)
    (cause,) = explain(evidence(old, new)).causes
    assert (cause.code, "could be the same" in cause.sentence) == ("op added", False)
    assert cause.change_ms is not None
    assert cause.change_ms.estimate == pytest.approx(-0.3, rel=0.05)


def test_a_function_that_is_compiled_is_one_cause() -> None:
    first_ms = {Arm.BASELINE: 50.0, Arm.CANDIDATE: 2000.0}
    replicas = tuple(
        ReplicaFacts(n, arm, 0, n, 1, 0.5, first_ms[arm], 20, 1.0, warm=True) for arm in Arm for n in range(3)
    )
    found = explain(evidence(_chain("Tanh"), _chain("Tanh", "_XlaRun"), replicas=replicas))
    assert _codes(found) == ["first request slow"]
    assert found.causes[0].change_ms is None, "the weightier: seconds at the start, not a tenth of a millisecond"


def test_equal_models_have_no_cause_and_their_numbers() -> None:
    found = explain(evidence(_chain("Tanh"), _chain("Tanh"), static=NONE, seconds=3.0, notes=("a note",)))
    assert found.causes == ()
    assert found.attribution is not None
    assert found.attribution.seconds == 3.0
    assert (found.static, found.notes, found.not_traced) == (NONE, ("a note",), "")


def test_what_is_known_without_tracing_is_told_without_it() -> None:
    static = replace(NONE, findings=(Finding("python function", (0, 1), "f/PyFunc"),))
    memory = tuple((arm, Memory(0, 0, 0, 300.0 if arm is Arm.CANDIDATE else 100.0)) for arm in Arm for _ in range(2))
    found = explain(Evidence({}, static=static, memory=memory, problem="it does not load"))
    assert _codes(found) == ["python function", "memory grown"]
    assert (found.attribution, found.not_traced) == (None, "it does not load")
    assert (found.peak_tensors, found.peak_bytes) == ((), (0, 0))


def test_tensors_at_the_peak_are_those_of_both_versions() -> None:
    found = evidence(_chain("Tanh"), _chain("Tanh"))
    peaks = {arm: replace(each, peak_bytes=100 + 50 * side, alive={"Tanh0": 80 + 50 * side}) for side, (arm, each)
             in enumerate(found.tensors.items())}  # fmt: skip
    explained = explain(replace(found, tensors=peaks))
    assert explained.peak_bytes == (100, 150)
    assert [tensor.size_bytes for tensor in explained.peak_tensors] == [(80, 130)]
    one = {Arm.BASELINE: peaks[Arm.BASELINE]}
    assert explain(replace(found, tensors=one)).peak_bytes == (0, 0)
