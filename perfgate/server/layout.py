"""A random memory layout for each replica, drawn before it loads its model.

The placement of code and data changes a model's time by more than many regressions do, and replicas that are forked and
loaded alike share it: it would look like a difference between the models. Drawn anew in each replica, it is noise that
replicas average out (Curtsinger & Berger, Stabilizer, ASPLOS 2013). Libraries are not moved: a forked process keeps the
addresses that the kernel drew for its parent. Nor are mappings and the stack: moved by some pages, one replica in
twelve took 15 to 33% longer (docs/explanation/method.md), because huge pages need their alignment.
"""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import exp, log

SMALLEST_BYTES, LARGEST_BYTES = 16, 1 << 20
BLOCKS = 400
"""A fixed number, equally many of each size: the layout is random, its memory use is not."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Allocations that shift a replica's memory."""

    blocks_bytes: tuple[int, ...]
    """Sizes of heap blocks, in order of allocation, uniform on a log scale."""
    freed: tuple[int, ...]
    """Half of them, one of each two of about the same size, in the order in which they are freed, to leave holes."""


def draw(run_seed: int, replica: int) -> Layout:
    """Draw the layout of one replica, reproducible from the run's seed and its number."""
    rng = random.Random(f"layout {run_seed} {replica}")  # noqa: S311 - not secret; strings hash alike everywhere
    low, high = log(SMALLEST_BYTES), log(LARGEST_BYTES)
    by_size = [round(exp(low + (high - low) * (rank + rng.random()) / BLOCKS)) for rank in range(BLOCKS)]
    order = rng.sample(range(BLOCKS), BLOCKS)
    blocks_bytes = tuple(by_size[rank] for rank in order)
    one_of_each_two = {rank + rng.randrange(2) for rank in range(0, BLOCKS, 2)}
    freed = [number for number, rank in enumerate(order) if rank in one_of_each_two]
    rng.shuffle(freed)
    return Layout(blocks_bytes, tuple(freed))


@contextmanager
def held(layout: Layout) -> Iterator[tuple[int, ...]]:
    """Allocate from the C library, which TensorFlow uses too, and free everything at the end; MemoryError.

    Yields the addresses of the blocks that are kept.
    """
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    blocks = {number: libc.malloc(size) for number, size in enumerate(layout.blocks_bytes)}
    try:
        if not all(blocks.values()):
            raise MemoryError
        for number in layout.freed:
            libc.free(blocks.pop(number))
        yield tuple(blocks.values())
    finally:
        for address in blocks.values():
            libc.free(address)


def run_in(layout: Layout, program: Callable[[], None]) -> None:
    """Run a program with this layout around it."""
    with held(layout):
        program()
