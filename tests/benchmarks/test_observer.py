from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own accounts")

_FEW = ["--processes", "3", "--rss", "20", "--threads", "4", "--seconds", "1", "--rounds", "2"]


def _run(*options: str) -> str:
    program = [sys.executable, "-m", "benchmarks.observer", *_FEW, *options]
    return subprocess.run(program, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.slow
def test_the_sampler_is_light_and_every_reading_has_a_cost() -> None:
    found = json.loads(_run("--json"))
    assert all(0 < share < 0.02 for share in found["shares"]["CPU time and RSS"])
    assert all(0 < each["least_us"] <= each["median_us"] <= each["most_us"] for each in found["readings"])
    by_name = {each["what"]: each["median_us"] for each in found["readings"]}
    assert by_name["process: `cpu_ms()`"] < by_name["process: `usage()`"]


@pytest.mark.slow
def test_the_tables_can_be_put_into_the_documentation() -> None:
    text = _run()
    assert text.startswith("3 processes of 20 MiB and 4 threads, every 100 ms\n\n| sampled | share of one core |")
    assert "| process: `cpu_ms()` | " in text
