from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.loadgen.trace import read_trace


def _file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "t.txt"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0\n1.5\n1.5\n4\n", (0, 1.5, 1.5, 4)),
        ("# made by hand\n\ntimestamp_s\n10\n10.25 # a burst\n\n12", (0, 0.25, 2)),
        ('"seconds"\n-1\n1e0\n.5e1\n', (0, 2, 6)),
        ("\ufeff7\r\n8\r\n", (0, 1)),
        ("1700000000.125\n1700000000.375\n", (0, 0.25)),
    ],
)
def test_timestamps_count_from_the_first_one(tmp_path: Path, text: str, expected: tuple[float, ...]) -> None:
    assert read_trace(_file(tmp_path, text)) == pytest.approx(expected)


def test_speed_divides_the_gaps(tmp_path: Path) -> None:
    assert read_trace(_file(tmp_path, "5\n6\n9\n"), speed=4) == pytest.approx((0, 0.25, 1))


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("1\n2\nthree\n", ":3: 'three' is not a timestamp", "one timestamp in seconds per line"),
        ("time\nwhen\n1\n", ":2: 'when' is not a timestamp", "one timestamp"),
        ("12:00:01\n12:00:02\n", ":1: '12:00:01' is not a timestamp", "one timestamp"),
        ("1,200\n", ":1: '1,200' is not a timestamp", "one timestamp"),
        ("1\nnan\n", ":2: 'nan' is not a timestamp", "one timestamp"),
        ("1\n1e999\n", ":2: '1e999' is not a timestamp", "one timestamp"),
        ("1\n1_0\n", ":2: '1_0' is not a timestamp", "one timestamp"),
        (f"1\n{'x' * 99}\n", f":2: '{'x' * 37}...' is not a timestamp", "one timestamp"),
        ("1\n3\n# here\n2.5\n", ":4: 2.5 comes after 3", "sort"),
        ("# nothing\n", ": no timestamps", "one timestamp"),
        ("", ": no timestamps", "one timestamp"),
    ],
)
def test_a_bad_line_is_named_in_one_line(tmp_path: Path, text: str, problem: str, remedy: str) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_trace(file)
    assert caught.value.problem == f"{file}{problem}"
    assert remedy in caught.value.remedy
    assert "\n" not in caught.value.problem + caught.value.remedy


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone: No such file"):
        read_trace(tmp_path / "gone")
    (tmp_path / "t.gz").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(UsageError, match="not UTF-8 at byte 1"):
        read_trace(tmp_path / "t.gz")


@pytest.mark.slow
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.floats(0.01, 100))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, stamps: list[float], speed: float
) -> None:
    ascending = sorted(stamps)
    file = tmp_path_factory.mktemp("trace") / "t"
    file.write_text("\n".join(repr(each) for each in ascending))
    assert read_trace(file, speed) == tuple((each - ascending[0]) / speed for each in ascending)
