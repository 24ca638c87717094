"""Output of other tools as they printed it: h2load 1.52, k6 1.1, Locust 2.47."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.driver import foreign
from benchmarks.driver.foreign import Counted
from benchmarks.driver.job import Job

H2LOAD = """\
starting benchmark...
Application protocol: h2c
Main benchmark duration is over for thread #0. Stopping all clients.

finished in 721.47ms, 7008.00 req/s, 294.28KB/s
requests: 3504 total, 3504 started, 3504 done, 3501 succeeded, 2 failed, 1 errored, 0 timeout
status codes: 3504 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 147.14KB (150672) total, 51.57KB (52809) headers (space savings 94.14%), 25.74KB (26360) data
                     min         max         mean         sd        +/- sd
time for request:       75us    140.98ms      1.20ms      7.07ms    97.49%
"""
K6: dict[str, dict[str, Any]] = {
    "metrics": {
        "iteration_duration": {"med": 0.650867, "p(99)": 11.013487},
        "iterations": {"count": 10653, "rate": 5313.876657503404},
        "grpc_req_duration": {"med": 0.616856, "p(99)": 10.97544},
        "failed": {"count": 7, "rate": 3.5},
    },
    "root_group": {"checks": {}, "name": "", "path": "", "groups": {}},
}
LOCUST = [
    {
        "name": "/tensorflow.serving.PredictionService/Predict",
        "method": "grpc",
        "last_request_timestamp": 1795501464.5,
        "start_time": 1795501462.5,
        "num_requests": 1000,
        "num_failures": 3,
        "response_times": {"47": 5, "8": 120, "1": 575, "0": 95, "3": 205},
    }
]
JOB = Job("", "127.0.0.1:8500", seconds=2.0, in_flight=8)


def test_h2load_is_read() -> None:
    assert foreign.h2load(H2LOAD) == Counted(3504, 7008.0, failed=3)


def test_k6_is_read(tmp_path: Path) -> None:
    (tmp_path / "summary").write_text(json.dumps(K6))

    assert foreign.counted("k6", "", tmp_path) == Counted(10653, 5313.876657503404, 7, 0.616856, 10.97544)
    none = {name: value for name, value in K6["metrics"].items() if name != "failed"}
    assert foreign.k6(json.dumps({"metrics": none})).failed == 0


def test_locust_is_read(tmp_path: Path) -> None:
    assert foreign.locust("[]") == Counted(0, 0.0)
    assert foreign.counted("locust", json.dumps(LOCUST), tmp_path) == Counted(1000, 500.0, 3, 1.0, 8.0)


@pytest.mark.parametrize("read", [foreign.h2load, foreign.k6, foreign.locust])
def test_other_words_are_refused(read: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own words for two of them
        read("no such host")  # type: ignore[operator]


def test_the_tools_are_asked_for_the_same_load(tmp_path: Path) -> None:
    h2load = foreign.command("h2load", JOB, 2.0, tmp_path).arguments
    k6 = foreign.command("k6", JOB, 2.0, tmp_path)
    locust = foreign.command("locust", JOB, 2.0, tmp_path).arguments

    assert h2load[h2load.index("-m") + 1] == "8"
    assert h2load[h2load.index("-D") + 1] == "2000ms"
    assert (tmp_path / "frame").read_bytes() == bytes(5)
    assert k6.environment["IN_FLIGHT"] == "8"
    assert k6.environment["DURATION"] == "2000ms"
    assert locust[locust.index("-u") + 1] == "8"
    assert locust[locust.index("--host") + 1] == JOB.target


def test_neither_start_up_nor_warm_up_counts() -> None:
    """0.3 s of start-up and warm-up in both runs, then 1 and 2 s at half a core of the server's."""
    short = foreign._Run(Counted(1000, 1000.0), cpu_s=1.0, server_cpu_s=0.8)
    long = foreign._Run(Counted(2000, 1000.0), cpu_s=1.5, server_cpu_s=1.3)

    assert foreign._server_share(long, short) == pytest.approx(0.5)
    assert foreign._server_share(short, short) is None
    assert foreign._server_share(foreign._Run(Counted(2000, 1000.0), 1.5, 0.7), short) is None


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(foreign, "_OWN_PLACES", (tmp_path,))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert foreign.missing("grpc.aio", JOB) == ""
    assert foreign.missing("h2load", JOB) == "h2load is left out: not installed (apt-get install nghttp2-client)"
    (tmp_path / "k6").touch()
    assert foreign.missing("k6", JOB) == ""
    assert "JSON" in foreign.missing("k6", replace(JOB, payload="file"))
