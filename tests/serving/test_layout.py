from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perfgate.scenario.schema import Server
from perfgate.server.layout import (
    BLOCKS,
    LARGEST_BYTES,
    SMALLEST_BYTES,
    Layout,
    draw,
    held,
    run_in,
)
from perfgate.serving.embedded import EmbeddedForkServer
from perfgate.serving.interface import ReplicaSpec

ROOT = Path(__file__).resolve().parents[2]
SOME = [draw(seed, replica) for seed in (1, 2) for replica in range(24)]


def _kept_bytes(layout: Layout) -> int:
    freed = {*layout.freed}
    return sum(size for number, size in enumerate(layout.blocks_bytes) if number not in freed)


def test_a_replica_of_a_run_has_one_layout() -> None:
    assert draw(7, 3) == draw(7, 3)
    assert len({*SOME}) == len(SOME), "another one for each replica and each run"


def test_what_is_drawn_has_bounds() -> None:
    for layout in SOME:
        assert len(layout.blocks_bytes) == BLOCKS
        assert all(SMALLEST_BYTES <= size <= LARGEST_BYTES for size in layout.blocks_bytes)
        assert len({*layout.freed}) == len(layout.freed) == BLOCKS // 2
        assert {*layout.freed} <= {*range(BLOCKS)}


def test_layouts_differ_and_the_memory_that_they_take_does_not() -> None:
    kept = [_kept_bytes(layout) for layout in SOME]
    assert max(kept) < 20 << 20
    assert max(kept) / min(kept) < 1.03, "peak memory is compared, with a tolerance of 2.5 % and more"


def test_half_of_the_blocks_stay_as_long_as_it_is_held() -> None:
    layout = draw(1, 0)
    with held(layout) as memory:
        assert len({*memory}) == BLOCKS // 2


def test_a_program_runs_once_within_it() -> None:
    ran: list[str] = []
    run_in(Layout((64, 64), (1,)), lambda: ran.append("once"))
    assert ran == ["once"]


def test_what_a_program_raises_comes_through() -> None:
    def fails() -> None:
        raise OSError("taken")

    with pytest.raises(OSError, match="taken"):
        run_in(draw(1, 1), fails)


Where = Callable[[tuple[int, int] | None], str]


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Where]:
    """Fork a process, and return the address of its next block of memory."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    log = tmp_path_factory.mktemp("layout") / "log"
    parent = EmbeddedForkServer(environ, log, huge_pages=False, program="tests.serving.where_it_lies")

    def where(layout: tuple[int, int] | None) -> str:
        spec = ReplicaSpec("server", ROOT, (), "", Server(), layout=layout)
        return parent.start(spec).address

    try:
        yield where
    finally:
        parent.stop()


@pytest.mark.slow
def test_replicas_that_are_forked_alike_lie_alike_unless_each_draws_its_layout(where: Where) -> None:
    assert len({where(None) for _ in range(6)}) == 1, "the luck that all of them share"
    assert len({where((1, replica)) for replica in range(6)}) > 2, "few blocks may begin where another layout has one"
    assert where((1, 0)) == where((1, 0)), "and which a run's seed brings back"
