from __future__ import annotations

import os
from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.scenario.batching_file import batching_of, read_batching_file
from perfgate.scenario.files import load_scenario
from perfgate.scenario.schema import Batching, Server

TF_SERVINGS_EXAMPLE = """
max_batch_size { value: 128 }
batch_timeout_micros { value: 0 }  # of its guide
max_enqueued_batches { value: 1000000 }
num_batch_threads { value: 8 }
thread_pool_name { value: "pool" }
allowed_batch_sizes: 32
allowed_batch_sizes: 128
pad_variable_length_inputs: true
"""


SPLIT = "enable_large_batch_splitting { value: true }"


def _file(folder: Path, text: str) -> Path:
    file = folder / "batching.txt"
    file.write_text(text, encoding="utf-8")
    return file


def test_all_settings_are_read(tmp_path: Path) -> None:
    assert read_batching_file(_file(tmp_path, TF_SERVINGS_EXAMPLE)) == Batching(
        max_batch_size=128,
        batch_timeout_micros=0,
        num_batch_threads=8,
        max_enqueued_batches=1_000_000,
        allowed_batch_sizes=(32, 128),
        pad_variable_length_inputs=True,
    )


def test_large_requests_may_be_split(tmp_path: Path) -> None:
    text = (
        f"max_batch_size {{ value: 64 }} {SPLIT} max_execution_batch_size {{ value: 16 }} allowed_batch_sizes: [4, 16]"
    )
    found = read_batching_file(_file(tmp_path, text))
    assert (found.enable_large_batch_splitting, found.max_execution_batch_size) == (True, 16)
    assert found.allowed_batch_sizes == (4, 16)


def test_what_is_not_set_is_tf_servings_default(tmp_path: Path) -> None:
    assert read_batching_file(_file(tmp_path, "")) == Batching(
        max_batch_size=1000, batch_timeout_micros=0, num_batch_threads=os.cpu_count() or 1, max_enqueued_batches=10
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_batch_sze { value: 1 }", 'line 1: BatchingParameters has no field named "max_batch_sze"'),
        ("\nmax_batch_size: 3", 'line 2: .*Expected "{"'),
        ("max_batch_size { value: 0 }", "max_batch_size: Input should be greater than or equal to 1"),
        ("max_batch_size { value: 99999999999999999999 }", "Value out of range"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: [4, 6]", "end with max_batch_size = 8"),
        ("max_batch_size { value: 8", "line 1: "),
        (
            f"max_batch_size {{ value: 8 }} {SPLIT} max_execution_batch_size {{ value: 9 }}",
            "max_execution_batch_size must be at most max_batch_size = 8",
        ),
        (
            f"max_batch_size {{ value: 8 }} {SPLIT} max_execution_batch_size {{ value: 4 }} allowed_batch_sizes: 8",
            "end with max_execution_batch_size = 4",
        ),
    ],
)
def test_mistakes_are_reported_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read_batching_file(_file(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, words in (("binary", "not a text file"), ("missing", "No such file"), (".", "Is a directory")):
        with pytest.raises(UsageError, match=words):
            read_batching_file(tmp_path / name)


def test_a_server_names_its_file_or_has_its_settings(tmp_path: Path) -> None:
    file = _file(tmp_path, "max_batch_size { value: 4 }")
    from_file = batching_of(Server(batching_parameters_file=str(file)))
    assert from_file is not None
    assert from_file.max_batch_size == 4
    assert batching_of(Server(batching=Batching(max_batch_size=5))) == Batching(max_batch_size=5)
    assert batching_of(Server()) is None


def test_a_scenario_with_a_bad_batching_file_does_not_load(tmp_path: Path) -> None:
    _file(tmp_path, "nonsense")
    scenario = tmp_path / "s.toml"
    scenario.write_text('[server]\nbatching_parameters_file = "batching.txt"\n')
    with pytest.raises(UsageError, match=r"batching\.txt: line 1"):
        load_scenario(str(scenario), [])
