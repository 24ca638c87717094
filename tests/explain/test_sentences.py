from __future__ import annotations

from dataclasses import replace

from perfgate.explain.explanation import Interval
from perfgate.explain.sentences import cause_lines, change_sentence, looked_at, node_changes, overhead_sentence
from tests.explain.samples import equal_models, extra_layer, not_traced


def test_a_cause_line_has_the_sentence_its_change_and_its_share() -> None:
    _, second, third = cause_lines(extra_layer())
    assert second == (
        "TensorFlow no longer fuses operations in tower/dense_2: +0.015 ms [+0.0145, +0.0155], +0.9% of the execution"
    )
    assert third.endswith(": +0.013 ms [+0.0126, +0.0134], +0.7% of the execution")


def test_a_change_that_the_sentence_has_is_not_repeated() -> None:
    first, *_ = cause_lines(extra_layer())
    assert first == "Operations were added in tower/extra: +0.195 ms [+0.189, +0.201], 11.2% of an execution"


def test_a_cause_that_is_not_about_time_is_its_sentence_alone() -> None:
    *_, last = cause_lines(extra_layer(), most=9)
    assert last == "Large constants are part of the graph: vocabulary float32[50000, 512] takes 97.7 MiB"
    assert len(cause_lines(not_traced())) == 2
    assert not any("of the execution" in line for line in cause_lines(not_traced()))
    assert cause_lines(equal_models()) == ()


def test_times_below_a_tenth_of_a_microsecond_are_no_exponents() -> None:
    found = extra_layer()
    tiny = replace(found.causes[0], change_ms=Interval(0.000012, -0.00004, 0.000061))
    assert "+0 ms [+0, +0.0001]" in cause_lines(replace(found, causes=(tiny,)))[0]


def test_an_unknown_execution_time_leaves_the_share_open() -> None:
    found = extra_layer()
    assert found.attribution
    _, second, _ = cause_lines(replace(found, attribution=replace(found.attribution, execute_ms=(0.0, 1.0))))
    assert second.endswith("+0.015 ms [+0.0145, +0.0155], n/a of the execution")


def test_the_change_is_said_or_why_it_is_not_known() -> None:
    assert change_sentence(extra_layer()) == (
        "One execution takes 1.96 ms instead of 1.73 ms: +0.223 ms [+0.208, +0.239], +12.9%."
    )
    assert change_sentence(not_traced()).endswith("the candidate does not load: Op type not registered 'DecodeWebP'.")


def test_what_was_looked_at_is_counted() -> None:
    assert looked_at(equal_models()) == (
        "Looked at the times of 10 ops in 720 traced executions, of which none differs; and at the saved graphs: no "
        "nodes added, none removed, none changed."
    )
    assert "12 ops of the baseline and 16 of the candidate" in looked_at(extra_layer())
    assert "of which 7 differ;" in looked_at(extra_layer())
    assert looked_at(replace(not_traced(), static=None)) == "Nothing could be examined."


def test_nodes_that_differ_are_counted_by_kind() -> None:
    static = extra_layer().static
    assert static
    assert node_changes(static) == "11 nodes added, none removed, 1 changed"
    assert node_changes(replace(static, node_changes=(1, 2, 0))) == "1 node added, 2 removed, none changed"


def test_the_overhead_of_tracing_is_stated() -> None:
    found = extra_layer().attribution
    assert found
    assert overhead_sentence(found).startswith("Tracing overhead: +2.1% [+0.8, +3.4] of an execution (720 traced")
