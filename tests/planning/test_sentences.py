from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from perfgate.planning.answer import CoresNeeded, PlanAnswer
from perfgate.planning.sentences import (
    all_notes,
    built_words,
    capacity_lines,
    dominant_sentence,
    final_words,
    finding_sentences,
    interrupted_sentence,
    needed_sentences,
    promise_sentences,
    sketch_sentence,
    summary_lines,
    tracing_sentence,
)
from tests.planning.answers import (
    SAMPLES,
    SKETCH,
    breaks,
    everything,
    no_numbers,
    one_dimension,
    passes,
    profile,
    two_dimensions,
    undecided,
)


def test_what_dominates_is_a_share_of_one_execution() -> None:
    assert dominant_sentence(profile()) == (
        "MatMul takes 71% of an execution of 2.31 ms; of the layers, layers_2 takes 47.6%."
    )
    assert dominant_sentence(replace(profile(), by_layer=())) == "MatMul takes 71% of an execution of 2.31 ms."
    assert dominant_sentence(replace(profile(), rest_ms=1.7)) == (
        "73.6% of an execution of 2.31 ms is outside of operations, MatMul takes 71%; layers_2 takes 47.6%."
    )
    nothing = replace(profile(), by_type=(), by_layer=(), ops=())
    assert dominant_sentence(nothing) == "10.8% of an execution of 2.31 ms is outside of operations."
    assert dominant_sentence(replace(profile(), execute_ms=nan)) == dominant_sentence(None) == ""


def test_timing_operations_has_its_cost() -> None:
    assert tracing_sentence(profile()).startswith(
        "Tracing overhead: +8.3% of an execution (320 traced executions of 6 operations in 4 servers)."
    )
    assert "overhead: not known" in tracing_sentence(replace(profile(), tracing_overhead=nan))


def test_memory_and_start_are_promised_with_an_interval() -> None:
    memory, start = promise_sentences(passes().promises, profile())
    assert memory == (
        "Memory: a server takes 612 MiB [598, 627] (95%), the tensors of an execution 9.00 MiB at their peak, the "
        "model's files 3.42 MiB."
    )
    assert start == (
        "Start: the model is served after 0.840 s [0.710, 0.990] (95%), its first request is answered after 0.930 s "
        "[0.780, 1.11] (95%)."
    )
    (memory,) = promise_sentences(passes().promises[2:3], None)
    assert memory == "Memory: a server takes 612 MiB [598, 627] (95%)."
    one_sided = replace(passes().promises[2], upper=inf)
    assert promise_sentences((one_sided,), None) == ("Memory: a server takes 612 MiB (at least 598 MiB) (95%).",)
    assert promise_sentences(no_numbers().promises, None) == ()


def test_the_capacity_is_said_as_perfgate_capacity_says_it() -> None:
    first, tested, limit = capacity_lines(passes())
    assert first.startswith("Capacity of ranker.toml: 412 requests/s [398, 425] (95%); latency_p99_ms at most 20 ms")
    assert tested.startswith("ranker.toml holds at 380 requests/s and breaks at 440")
    assert limit.startswith("Limit of ranker.toml: ")
    assert capacity_lines(undecided()) == ()


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (CoresNeeded(2000.0, 2, 6, 5, 5), ("To hold the objectives at 2,000 requests/s, plan 6 servers of 2 CPUs "
                                           "(12 CPUs): by the lower end of the capacity's interval (5 by the "
                                           "estimate, 5 by the upper end).")),
        (CoresNeeded(200.0, 1, 1, 1, 1), ("To hold the objectives at 200 requests/s, plan 1 server of 1 CPU: the same "
                                          "by either end of the capacity's interval.")),
        (CoresNeeded(200.0, 4, 3, 2, None), ("To hold the objectives at 200 requests/s, plan 3 servers of 4 CPUs "
                                             "(12 CPUs): by the lower end of the capacity's interval (2 by the "
                                             "estimate).")),
        (CoresNeeded(200.0, 4, 3, None, None), ("To hold the objectives at 200 requests/s, plan 3 servers of 4 CPUs "
                                                "(12 CPUs).")),
        (CoresNeeded(200.0, 4, None, None, 10), ("How many servers hold the objectives at 200 requests/s is not "
                                                 "known; fewer than 10 do not suffice.")),
        (CoresNeeded(200.0, 4, None, None, None), ("How many servers hold the objectives at 200 requests/s is not "
                                                   "known.")),
        (None, ""),
    ],
)  # fmt: skip
def test_servers_are_planned_by_the_lower_end(needed: CoresNeeded | None, words: str) -> None:
    first, *others = needed_sentences(needed) or ("",)
    assert first == words
    assert len(others) == (needed is not None and (needed.servers or 0) > 1)
    assert all(line.startswith("Extrapolated from one server at a time, alone on its ") for line in others)


def test_notes_about_the_capacity_come_first_and_each_once() -> None:
    assert all_notes(passes()) == (
        "The scenario does not state error_rate at most 0.1%: perfgate assumed it.",
        "The clock frequency of the CPU may change.",
    )
    assert all_notes(undecided()) == undecided().notes


def _sketched(**changes: Any) -> str:
    return sketch_sentence(replace(passes(), sketch=replace(SKETCH, **changes)))


def test_the_sketch_has_its_dimensions_but_not_all_of_many() -> None:
    assert _sketched() == (
        "ranker.toml: 868,353 parameters, 3.42 MiB; embeddings.user.rows=10,000, layers.depth=3, layers.width=512."
    )
    many = {f"blocks.b{number}.width": 8 for number in range(11)}
    assert _sketched(dimensions=many).endswith("blocks.b7.width=8, 3 more.")
    assert _sketched(dimensions={}) == "ranker.toml: 868,353 parameters, 3.42 MiB."


def test_after_a_search_the_size_that_is_shown_is_named() -> None:
    found = one_dimension()
    assert found.scale
    assert sketch_sentence(found).startswith("ranker.toml, the largest that is proven to hold: 4,237,568 parameters")
    lost = replace(found.scale, limits=tuple(replace(each, holds=None) for each in found.scale.limits))
    assert built_words(replace(found, scale=lost)) == "ranker.toml, the smallest that was tried"
    assert built_words(everything()) == "ranker.toml"


def test_the_finding_comes_first_and_nothing_is_said_twice() -> None:
    verdict, servers = finding_sentences(passes())
    assert verdict.startswith("ranker.toml, untrained, holds its objectives: latency_p99_ms is 8.40 ms [7.80, 9.40]")
    assert servers.startswith("To hold the objectives at 200 requests/s, plan 1 server")
    assert finding_sentences(one_dimension()) == summary_lines(one_dimension())[:1]
    (both,) = finding_sentences(two_dimensions())
    assert both == f"{final_words(two_dimensions()).removeprefix('PASS ranker.toml: ')}."
    assert [line.partition(" ")[0] for line in finding_sentences(everything())] == [
        "ranker.toml,",
        "layers.width",
        "To",
    ]


def test_the_model_of_the_capacity_is_called_like_the_sketch() -> None:
    assert passes().capacity
    stored = replace(passes().capacity.arms[0], model="reports/x/models/0")  # type: ignore[union-attr]
    answer = replace(passes(), capacity=replace(passes().capacity, arms=(stored,)))  # type: ignore[type-var]
    assert capacity_lines(answer) == capacity_lines(passes())


def invalid() -> PlanAnswer:
    return replace(no_numbers(), complete=True, notes=("3% of requests failed.", "The clock may change."))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (passes, "PASS ranker.toml holds: latency_p99_ms 8.40 ms <= 20 ms; 1 server for 200/s"),
        (breaks, "FAIL ranker.toml breaks: latency_p99_ms 28.4 ms > 20 ms; 2 servers for 440/s"),
        (undecided, ("INCONCLUSIVE ranker.toml is open: latency_p99_ms 19.2 ms [17.8, 21.6] is not clearly on either "
                     "side of 20 ms")),
        (no_numbers, "INTERRUPTED ranker.toml: its objectives could not be judged"),
        (one_dimension, "PASS ranker.toml: layers.width up to 1,460 [1,379, 1,562]"),
        (two_dimensions, ("PASS ranker.toml: layers.width up to 3,800 (at least 3,591) with "
                          "embeddings.user.lookups=10, breaks already at 256 with embeddings.user.lookups=400")),
        (everything, ("PASS ranker.toml holds: latency_p99_ms 8.40 ms <= 20 ms; layers.width up to 1,460 "
                      "[1,379, 1,562]; 1 server for 200/s")),
        (invalid, "INVALID ranker.toml: 3% of requests failed"),
    ],
)  # fmt: skip
def test_the_final_line_has_the_verdict_and_what_decided(build: Callable[[], PlanAnswer], words: str) -> None:
    assert final_words(build()) == words


def test_an_interruption_comes_first() -> None:
    assert interrupted_sentence(passes()) == ""
    assert summary_lines(no_numbers())[0] == "Interrupted: this is what was known by then."


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "hostile"])
def test_every_line_of_every_answer_is_a_sentence(name: str) -> None:
    lines = summary_lines(SAMPLES[name]())
    assert all(line.endswith(".") for line in lines)
    assert not any(word in line for line in lines for word in ("nan", "inf ", "None", "n/a", "..", " ;", "  "))
