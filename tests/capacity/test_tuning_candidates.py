from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from perfgate.capacity.tuning_candidates import (
    CURRENT,
    NO_BATCHING,
    Candidate,
    batching_candidates,
    current_of,
    server_toml,
    thread_candidates,
)
from perfgate.scenario.batching_file import batching_text, read_batching_file
from perfgate.scenario.schema import Batching, Server

BATCHED = Server(batching=Batching(max_batch_size=128, batch_timeout_micros=1000, num_batch_threads=1))


def _candidates(server: Server, rows: int = 8, cores: int = 2, most: int = 20) -> tuple[Candidate, ...]:
    return batching_candidates(current_of(server), rows, cores, most)


def test_no_batching_comes_first_and_only_if_there_is_any() -> None:
    assert _candidates(BATCHED)[0].name == NO_BATCHING
    assert NO_BATCHING not in {each.name for each in _candidates(Server())}


def test_the_current_settings_are_not_tried_twice() -> None:
    assert current_of(BATCHED).knobs not in {each.knobs for each in _candidates(BATCHED)}
    assert len(_candidates(BATCHED)) == len(_candidates(Server()))  # no batching instead of the one that is current


@pytest.mark.parametrize("cores", [1, 2, 64])
def test_settings_and_names_differ_from_each_other(cores: int) -> None:
    found = _candidates(Server(), cores=cores)
    assert len({each.knobs for each in found}) == len({each.name for each in found}) == len(found)


def test_the_first_three_batched_settings_differ_in_size_wait_and_threads() -> None:
    sizes, waits, threads, _, _ = zip(*(each.knobs for each in _candidates(Server())[:4]), strict=True)
    assert min(len(set(each)) for each in (sizes, waits, threads)) >= 2


def test_every_batch_has_room_for_the_largest_request() -> None:
    assert all(each.knobs[0] is None or each.knobs[0] >= 4 * 50 for each in _candidates(BATCHED, rows=50))


def test_as_many_as_there_is_time_for() -> None:
    assert len(_candidates(BATCHED, most=3)) == 3


def test_padded_sizes_follow_the_largest_batch() -> None:
    base = BATCHED.batching
    assert base is not None
    padded = Server(batching=Batching.model_validate({**base.model_dump(), "allowed_batch_sizes": (8, 64, 128)}))
    for each in _candidates(padded):
        if each.server.batching is not None:
            again = Batching.model_validate(each.server.batching.model_dump())
            assert again.allowed_batch_sizes[-1] == again.max_batch_size


def test_other_settings_stay_as_they_are() -> None:
    mine = Server(rpc_threads=7, batching=Batching(max_enqueued_batches=33))
    for each in _candidates(mine):
        assert each.server.rpc_threads == 7
        assert each.server.batching is None or each.server.batching.max_enqueued_batches == 33


def test_threads_are_varied_one_setting_at_a_time() -> None:
    best = Candidate("best", Server(intra_op_threads=1, inter_op_threads=1))
    assert [each.knobs[3:] for each in thread_candidates(best, 4)] == [(4, 1), (1, 4)]
    assert thread_candidates(best, 1) == ()


@pytest.mark.parametrize("intra", [0, 4, 8])
def test_a_server_that_uses_all_cpus_is_tried_with_one_thread(intra: int) -> None:
    best = Candidate("best", Server(intra_op_threads=intra))
    assert thread_candidates(best, 4)[0].server.intra_op_threads == 1


def test_the_files_to_paste_have_the_settings(tmp_path: Path) -> None:
    for each in (current_of(BATCHED), *_candidates(BATCHED)):
        tables = tomllib.loads(server_toml(each.server))
        read = Server.model_validate(tables["server"])
        assert Candidate(each.name, read).knobs == each.knobs
        if each.server.batching is None:
            continue
        file = tmp_path / "batching.txt"
        file.write_text(batching_text(each.server.batching))
        assert read_batching_file(file) == each.server.batching == read.batching


def test_every_setting_survives_the_batching_file(tmp_path: Path) -> None:
    unusual = Batching(
        max_batch_size=64, batch_timeout_micros=0, num_batch_threads=3, max_enqueued_batches=5,
        allowed_batch_sizes=(8, 32), pad_variable_length_inputs=True, enable_large_batch_splitting=True,
        max_execution_batch_size=32,
    )  # fmt: skip
    file = tmp_path / "batching.txt"
    file.write_text(batching_text(unusual))
    assert read_batching_file(file) == unusual
    assert tomllib.loads(server_toml(Server(batching=unusual)))["server"]["batching"]["allowed_batch_sizes"] == [8, 32]


def test_a_batching_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "batching.txt"
    file.write_text("max_batch_size { value: 16 } num_batch_threads { value: 2 }")
    current = current_of(Server(batching_parameters_file=str(file)))
    assert current.name == CURRENT
    assert current.knobs[:3] == (16, 0, 2)
    assert all(each.server.batching_parameters_file is None for each in _candidates(current.server))
