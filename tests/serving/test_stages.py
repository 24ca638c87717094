from __future__ import annotations

from perfgate.server.stages import StageTimes


def test_stage_times_are_written_as_server_timing() -> None:
    times = StageTimes(0.0125, 1.5, 0.0, 8).encoded(0.25)
    assert times.server_timing() == "queue;dur=0.013, execute;dur=1.500, encode;dur=0.250, batch;desc=8"
