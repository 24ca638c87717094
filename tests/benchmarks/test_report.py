import json
from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks.driver.job import Finding, Job
from benchmarks.driver.report import document, notes, table
from benchmarks.driver.rounds import Load, others, ratio_per_cpu, ratio_rps, run_rounds

FINDING = Finding(
    requests=1000, rps=2000.0, cpu_us_per_request=25.0, cpu_share=0.5, server_cpu_share=0.6, p50_ms=0.2, p99_ms=1.5
)
SLOWER = replace(FINDING, rps=500.0, cpu_us_per_request=100.0)
COMPARED = Load(8, 0.0, {"perfgate": (FINDING, replace(FINDING, rps=1000.0)), "grpc.aio": (SLOWER, SLOWER)})


def test_clients_take_turns_and_share_the_seconds() -> None:
    asked: list[Job] = []

    def run(job: Job) -> Finding:
        asked.append(job)
        return FINDING

    load = run_rounds(Job("", "127.0.0.1:1", seconds=3.0), ("perfgate", "grpc.aio"), 2, run)

    assert [job.client for job in asked] == ["perfgate", "grpc.aio"] * 2
    assert {job.seconds for job in asked} == {1.5}
    assert {client: len(rounds) for client, rounds in load.rounds.items()} == {"perfgate": 2, "grpc.aio": 2}


def test_ratios_are_taken_round_by_round() -> None:
    by_time, by_cpu = ratio_rps(COMPARED, "grpc.aio"), ratio_per_cpu(COMPARED, "grpc.aio")

    assert (by_time.min, by_time.median, by_time.max) == (2.0, 3.0, 4.0)
    assert by_cpu.median == 4.0
    assert others(Load(8, 0.0, {"perfgate": (FINDING,)})) == []


def test_the_document_holds_each_round_and_is_json() -> None:
    found = json.loads(json.dumps(document([COMPARED], {"target": "127.0.0.1:1"})))

    assert found["target"] == "127.0.0.1:1"
    assert found["loads"][0]["ratio_rps"]["grpc.aio"]["median"] == 3.0
    assert found["loads"][0]["clients"]["perfgate"]["rps"] == {"median": 1500.0, "min": 1000.0, "max": 2000.0}
    assert len(found["loads"][0]["clients"]["grpc.aio"]["rounds"]) == 2


def test_errors_are_named_with_the_servers_words() -> None:
    failed = replace(FINDING, cpu_share=1.0, errors={"3": 1000}, error_message="Missing ModelSpec")

    assert notes([Load(8, 0.0, {"perfgate": (failed,)})]) == [
        "8 in flight, perfgate: 1000 of 1000 requests answered INVALID_ARGUMENT: Missing ModelSpec"
    ]


@pytest.mark.parametrize(("share", "said"), [(0.97, True), (0.6, False), (None, False)])
def test_a_saturated_server_is_named_as_the_limit(share: float | None, said: bool) -> None:
    found = notes([Load(8, 0.0, {"perfgate": (replace(FINDING, server_cpu_share=share),)})])

    assert any("may be the limit" in note for note in found) == said


@pytest.mark.parametrize(("share", "in_flight", "said"), [(0.5, 8, True), (0.99, 8, False), (0.5, 1, False)])
def test_other_work_on_the_machine_is_reported(share: float, in_flight: int, said: bool) -> None:
    found = notes([Load(in_flight, 0.0, {"perfgate": (replace(FINDING, cpu_share=share),)})])

    assert any("other processes were running" in note for note in found) == said


def test_the_send_lag_of_an_open_loop_is_reported() -> None:
    lagging = replace(FINDING, send_lag_p50_us=60.0, send_lag_p99_us=400.0)
    found = notes([Load(1, 200.0, {"perfgate": (lagging,)})])

    assert found == ["200/s Poisson, perfgate: send lag p50 60 [60 to 60] µs, p99 400 [400 to 400] µs"]


def test_the_table_has_a_row_a_client() -> None:
    console = Console(width=160, record=True, quiet=False, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table([COMPARED], "title"))

    assert capture.get().count("8 in flight") == 2
    assert "1,500 [1,000 to 2,000]" in capture.get()
