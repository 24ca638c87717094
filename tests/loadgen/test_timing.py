import numpy as np
import pytest

from perfgate.loadgen.timing import stage_times, stages_of

LINE = "queue;dur=0.250, execute;dur=2.100, encode;dur=0.010, batch;desc=16"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (LINE, (0.25, 2.1, 0.01, 16.0)),
        ('execute;desc="x";dur=1.5,cache;dur=9', (np.nan, 1.5, np.nan, np.nan)),
        ('batch;desc="4" , queue ; DUR=3', (3.0, np.nan, np.nan, 4.0)),
        ("queue;dur=soon", (np.nan,) * 4),
        ("queue", (np.nan,) * 4),
        ("", (np.nan,) * 4),
    ],
)
def test_a_line_is_read_for_what_it_says(line: str, expected: tuple[float, ...]) -> None:
    assert stage_times(line) == pytest.approx(expected, nan_ok=True)


def test_requests_without_a_line_have_no_stage_times() -> None:
    stages = stages_of({1: LINE}, 3)

    assert stages is not None
    assert stages.execute_ms == pytest.approx([np.nan, 2.1, np.nan], nan_ok=True)
    assert stages.batch_size == pytest.approx([np.nan, 16, np.nan], nan_ok=True)
    assert stages_of({}, 3) is None
    assert stages_of({0: "total;dur=3"}, 3) is None
