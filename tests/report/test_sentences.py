from __future__ import annotations

from dataclasses import replace

from perfgate.gate.verdict import Verdict
from perfgate.report.sentences import confidence, power_sentence, sentence, stored_sentence
from perfgate.scenario.severity import Severity
from tests.report import example
from tests.report.kinds import KINDS


def test_a_failure_names_the_metric_of_the_headline_and_counts_the_others() -> None:
    words = sentence(example.failing())
    assert words.startswith("The candidate is worse than its baseline: execute_ms (wall time of one execution")
    assert words.endswith("changed by +12.4%; the tolerance is 2.5%. 2 more gated metrics failed.")


def test_a_pass_names_what_was_nearest_to_its_limit() -> None:
    words = sentence(example.passing())
    assert "no worse than its baseline in 4 gated metrics" in words
    assert words.endswith("It meets 2 objectives.")


def test_a_broken_objective_is_named_with_its_bound() -> None:
    result = example.no_baseline()
    assert result.judgement
    broken = replace(result.judgement.objectives[0], verdict=Verdict.FAIL, value=24.0)
    judgement = replace(result.judgement, verdict=Verdict.FAIL, objectives=(broken,))
    words = sentence(replace(result, judgement=judgement))
    assert words == "The candidate misses an objective: latency_p99_ms is 24.0 ms and must be at most 20 ms."


def test_the_other_ends_have_their_sentence() -> None:
    assert "does not show whether service_mean_ms" in sentence(example.inconclusive())
    assert "is not valid" in sentence(example.invalid())
    assert "was interrupted" in sentence(example.interrupted())
    assert sentence(example.no_baseline()) == "The candidate meets 2 objectives; there was no baseline to compare with."


def test_what_ended_early_says_how_far_it_came() -> None:
    assert sentence(KINDS["interrupted"]()).startswith("The run was interrupted after 10 s of 1 min 30 s of measuring")
    assert sentence(KINDS["interrupted_at_start"]()) == "The run was interrupted before anything was measured."
    assert "before anything was measured" in sentence(KINDS["died_in_warm_up"]())


def test_what_is_open_without_an_open_metric_is_named() -> None:
    refused = KINDS["stored_refused"]()
    assert sentence(refused).startswith("The stored numbers of prod are not comparable here")
    alone = example.no_baseline()
    assert alone.judgement
    waiting = replace(alone.judgement.objectives[0], verdict=Verdict.INCONCLUSIVE)
    judgement = replace(alone.judgement, verdict=Verdict.INCONCLUSIVE, objectives=(waiting,))
    words = sentence(replace(alone, judgement=judgement))
    assert words == "The data does not show whether the candidate meets its objective for latency_p99_ms."


def test_two_one_sided_bounds_of_one_percent_make_a_98_percent_interval() -> None:
    assert confidence(example.passing()) == "98%"
    assert confidence(example.no_baseline()) == ""


def test_a_comparison_with_stored_numbers_says_which_and_what_the_intervals_carry() -> None:
    words = stored_sentence(example.stored_numbers())
    assert words.startswith(
        "Compared with the stored numbers of prod, 2 records from 2 days, the newest on 2026-02-28, not measured side "
        "by side. Each interval includes the variation between days: "
    )
    assert "execute_ms 4.1% (5 days)" in words
    assert "pss_mb" not in words, "it is not gated"
    assert stored_sentence(example.passing()) == ""
    one = example.stored_numbers()
    assert one.stored
    single = replace(one, stored=replace(one.stored, records=one.stored.records[:1]))
    assert "prod, 1 record, recorded on 2026-02-28" in stored_sentence(single)
    refused = replace(one, stored=replace(one.stored, records=()))
    assert stored_sentence(refused) == ""


def test_how_sure_the_gate_is_and_what_it_would_have_found() -> None:
    words = power_sentence(example.passing())
    assert words.startswith("At most 1% of runs raise a false alarm, shared by 4 metrics (Holm: 0.25% each). ")
    assert "detectable in 4 of 5 runs: " in words
    assert "execute_ms 3.54%" in words
    assert "throughput_rps" not in words, "it is not gated"
    result = example.passing()
    assert result.judgement
    one = replace(result, judgement=replace(result.judgement, metrics=result.judgement.metrics[:1]))
    assert power_sentence(one).startswith("At most 1% of runs raise a false alarm. Smallest")
    assert power_sentence(example.no_baseline()) == ""


def test_the_objectives_that_share_the_level_are_named() -> None:
    result = example.passing()
    assert result.judgement
    count = 4 + sum(each.counts for each in result.judgement.objectives)
    assert count > 5
    metrics = tuple(replace(each, level=0.01 / count) for each in result.judgement.metrics)
    words = power_sentence(replace(result, judgement=replace(result.judgement, metrics=metrics)))
    assert f"shared by 4 metrics and {count - 4} objectives (Holm: " in words


def test_where_higher_is_better_a_regression_is_a_decrease() -> None:
    result = example.passing()
    assert result.judgement
    (throughput,) = (m for m in result.judgement.metrics if m.metric == "throughput_rps")
    gated = replace(throughput, gated=True, detectable=0.25)
    words = power_sentence(replace(result, judgement=replace(result.judgement, metrics=(gated,))))
    assert words.endswith("throughput_rps -20%.")


def test_the_sentence_explains_why_no_metric_counts() -> None:
    result = example.lenient()
    assert result.judgement
    objectives = result.judgement.objectives[1:]
    for gated, words in ((True, "its changes are warn-only"), (False, "none of its changes are gated")):
        metrics = tuple(replace(each, gated=gated, severity=Severity.WARN) for each in result.judgement.metrics)
        judgement = replace(result.judgement, metrics=metrics, objectives=objectives)
        assert sentence(replace(result, judgement=judgement)) == f"The candidate meets 1 objective; {words}."


def test_an_objective_that_only_warns_is_not_why_a_run_is_undecided() -> None:
    result = example.no_baseline()
    assert result.judgement
    first, second = (replace(each, verdict=Verdict.INCONCLUSIVE) for each in result.judgement.objectives)
    judgement = replace(
        result.judgement, verdict=Verdict.INCONCLUSIVE, objectives=(replace(first, severity=Severity.WARN), second)
    )
    assert sentence(replace(result, judgement=judgement)).endswith(f"its objective for {second.metric}.")
    alone = replace(judgement, objectives=judgement.objectives[:1])
    assert sentence(replace(result, judgement=alone)) == "The measurement is inconclusive."
