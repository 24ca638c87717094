from __future__ import annotations

import grpc as library

from perfgate.protocols import grpc
from perfgate.trials import STATUS_NAMES


def test_status_numbers_are_those_of_grpc_itself() -> None:
    assert {name: getattr(grpc, name) for name in STATUS_NAMES} == {
        code.name: code.value[0] for code in library.StatusCode
    }


def test_a_status_is_named_by_its_number() -> None:
    assert [getattr(grpc, name) for name in STATUS_NAMES] == list(range(len(STATUS_NAMES)))


def test_a_frame_is_a_flag_a_big_endian_length_and_the_message() -> None:
    assert grpc.frame(b"abc") == b"\x00\x00\x00\x00\x03abc"
    assert grpc.frame(b"x" * 70_000)[:5] == b"\x00\x00\x01\x11\x70"
