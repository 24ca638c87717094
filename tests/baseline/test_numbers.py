from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log

import pytest

from perfgate.baseline.calibration import Calibration
from perfgate.baseline.numbers import StoredBaseline, stored_baseline, unlike
from perfgate.baseline.record import MetricSummary, Record
from perfgate.stats.summary import METHOD, Typical
from perfgate.stats.variance_components import Components

MakeRecord = Callable[..., Record]
HERE = {"cpu_model": "AMD EPYC", "cores": 2.0}
FINGERPRINT = "0123456789abcdef"
OTHER_MODEL = "sha256:" + "cd" * 32


def _metrics(ms: float, source: str = "cost/execute") -> dict[str, MetricSummary]:
    values = (0.99 * ms, ms, 1.01 * ms)
    return {"execute_ms": MetricSummary(ms, values, "", Typical(values, source, "cold", METHOD))}


@pytest.fixture
def at(make_record: MakeRecord) -> Callable[..., Record]:
    def make(when: str, ms: float = 2.0, **changes: object) -> Record:
        stamp = f"2026-02-{when}:00.000+00:00"
        return make_record(**{"created_utc": stamp, "run_id": when, "servers": 12, "metrics": _metrics(ms), **changes})

    return make


def _baseline(record: Record, *others: Record, calibrations: Sequence[Calibration] = ()) -> StoredBaseline:
    return stored_baseline(
        record,
        others,
        environment=HERE,
        fingerprint=FINGERPRINT,
        calibrations=calibrations,
        again="perfgate baseline record MODEL",
        keep="keep its model",
    )


def _occasions(found: StoredBaseline) -> list[float]:
    return [each.values[1] for each in found.numbers.metrics["execute_ms"].occasions]


def test_one_record_gives_one_occasion_and_the_prior(at: Callable[..., Record]) -> None:
    record = at("03T04:05")
    found = _baseline(record)
    assert _occasions(found) == [pytest.approx(log(2.0))]
    metric = found.numbers.metrics["execute_ms"]
    assert (metric.source, metric.state, metric.spread.source) == ("cost/execute", "cold", "the prior")
    assert found.numbers.refusal == ""
    assert found.facts.records == (f"prod/{record.id}",)
    assert found.numbers.size_mb == 1234 / 2**20
    (caution,) = found.cautions
    assert caution.remedy.endswith("on other days too, with `perfgate baseline record MODEL`")


def test_all_records_of_the_model_count_the_newest_first(at: Callable[..., Record]) -> None:
    old, new = at("03T04:05", 2.0), at("04T04:05", 3.0)
    found = _baseline(new, old, new)
    assert _occasions(found) == [pytest.approx(log(3.0)), pytest.approx(log(2.0))]
    assert found.numbers.metrics["execute_ms"].spread.source == "2 days and the prior"
    assert [each.rpartition("/")[2] for each in found.facts.records] == [new.id, old.id]
    assert found.facts.recorded_utc == new.created_utc


def test_records_within_an_hour_and_of_one_run_are_one_occasion(at: Callable[..., Record]) -> None:
    rows = [at("03T04:00"), at("03T04:40"), at("03T05:10"), at("03T06:30"), at("05T06:30", run_id="03T06:30")]
    found = _baseline(rows[-1], *rows)
    assert [each.rpartition("/")[2] for each in found.facts.records] == [rows[4].id, rows[2].id, rows[0].id]


@pytest.mark.parametrize(
    "change",
    [{"fingerprint": "ffffffffffffffff"}, {"scenario_digest": "sha256:other"}, {"model_digest": OTHER_MODEL}],
    ids=["another machine", "another scenario", "another model"],
)
def test_other_records_of_the_name_are_no_occasions_of_it(change: dict[str, str], at: Callable[..., Record]) -> None:
    assert len(_occasions(_baseline(at("04T04:05"), at("03T04:05", **change)))) == 1


def test_other_models_of_the_name_show_the_variation_of_the_machine(at: Callable[..., Record]) -> None:
    before = [at(f"0{day}T04:05", 5.0 + day / 10, model_digest=OTHER_MODEL) for day in range(1, 7)]
    found = _baseline(at("08T04:05"), *before)
    spread = found.numbers.metrics["execute_ms"].spread
    assert (spread.df, spread.source) == (5.0, "6 days")
    assert 0.03 < spread.sd < 0.08
    assert len(_occasions(found)) == 1


def test_a_metric_measured_in_another_lane_on_another_day_is_no_occasion(at: Callable[..., Record]) -> None:
    before = at("03T04:05", metrics=_metrics(9.0, "load/request"))
    assert len(_occasions(_baseline(at("04T04:05"), before))) == 1


def test_numbers_of_other_rules_are_no_occasion_and_say_which_rules(at: Callable[..., Record]) -> None:
    values = (8.9, 9.0, 9.1)
    older = {"execute_ms": MetricSummary(9.0, values, "", Typical(values, "cost/execute", "cold"))}
    assert len(_occasions(_baseline(at("04T04:05"), at("03T04:05", metrics=older)))) == 1
    then = {
        _baseline(at("04T04:05", metrics=each)).numbers.metrics["execute_ms"].method for each in (older, _metrics(9))
    }
    assert then == {1, METHOD}


@pytest.mark.parametrize("values", [(), (2.0,), (2.0, 0.0), (2.0, float("inf"))])
def test_numbers_that_have_no_interval_are_left_out(values: tuple[float, ...], at: Callable[..., Record]) -> None:
    typical = Typical(values, "cost/execute", "cold")
    record = at("03T04:05", metrics={"execute_ms": MetricSummary(2.0, values, "", typical)})
    assert _baseline(record).numbers.metrics == {}


def test_records_of_an_earlier_perfgate_have_nothing_to_compare(make_record: MakeRecord) -> None:
    assert _baseline(make_record()).numbers.metrics == {}


def test_another_environment_is_rejected_with_a_message(at: Callable[..., Record]) -> None:
    record = at("03T04:05", fingerprint="ffffffffffffffff", environment={"cpu_model": "Xeon", "cores": 2.0})
    found = _baseline(record)
    assert found.numbers.refusal == (
        f"the environment differs from that of prod/{record.id} (cpu_model Xeon then, AMD EPYC now), so stored "
        "numbers are not comparable"
    )
    assert found.numbers.remedy == "record it here too with `perfgate baseline record MODEL`, or keep its model"
    assert (found.numbers.metrics, found.facts.records, found.cautions) == ({}, (), ())
    assert list(unlike(found, "sha256:other", 99)) == []


def test_a_record_of_the_same_model_made_here_stands_in_for_one_made_elsewhere(at: Callable[..., Record]) -> None:
    here, elsewhere = at("03T04:05"), at("04T04:05", 9.0, fingerprint="ffffffffffffffff")
    found = _baseline(elsewhere, here, elsewhere)
    assert found.numbers.refusal == ""
    assert found.facts.records == (f"prod/{here.id}",)


def _calibration(day: int, typical: float = 2.0, source: str = "cost/execute", method: int = METHOD) -> Calibration:
    ran = Components("execute_ms", 0.04, 0.006, occasions=8, source=source, typical=typical, method=method)
    return Calibration(f"2026-01-{day:02d}T00:00:00+00:00", FINGERPRINT, "ranking", "sha256:aa", "sha256:ab", (ran,))


def test_calibrations_of_several_days_show_the_variation_between_days(at: Callable[..., Record]) -> None:
    def spread(*calibrations: Calibration) -> str:
        return _baseline(at("03T04:05"), calibrations=calibrations).numbers.metrics["execute_ms"].spread.source

    assert spread(*(_calibration(day) for day in range(1, 4))) == "3 days and the prior"
    assert spread(*(_calibration(day) for day in range(1, 7))) == "6 days"
    assert spread(*(_calibration(day, source="load/request") for day in range(1, 7))) == "the prior"
    assert spread(*(_calibration(day, typical=float("nan")) for day in range(1, 7))) == "the prior"
    assert spread(*(_calibration(day, method=1) for day in range(1, 7))) == "the prior"


def test_the_runs_of_one_calibration_are_one_occasion(at: Callable[..., Record]) -> None:
    found = _baseline(at("03T04:05"), calibrations=[_calibration(1)])
    assert found.numbers.metrics["execute_ms"].spread.source == "the prior"


def test_records_of_one_day_are_one_for_what_days_differ_by(at: Callable[..., Record]) -> None:
    """Ten records an hour apart used to be ten occasions, and a candidate on another day failed in one run of five."""
    rows = [at(f"03T{hour:02d}:00", 2.0 + hour / 1000) for hour in range(10)]
    found = _baseline(rows[-1], *rows)
    assert (len(found.facts.records), found.facts.days) == (10, 1)
    assert found.numbers.metrics["execute_ms"].spread.source == "the prior"
    assert _baseline(at("05T04:00"), *rows).facts.days == 2


def test_differences_between_run_and_record_are_reported(at: Callable[..., Record]) -> None:
    found = _baseline(at("03T04:05"))
    assert list(unlike(found, "sha256:bb", 12)) == []
    requests, servers = unlike(found, "sha256:other", 24)
    assert "different requests" in requests.message
    assert servers.message.startswith("12 servers were running when the baseline was recorded, 24 now")
    unknown = _baseline(replace(at("03T04:05"), servers=0))
    assert list(unlike(unknown, "sha256:bb", 12)) == []
