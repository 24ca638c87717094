"""A memory layout of each replica's own, drawn before it loads its model.

Where code and data lie moves a model's time by more than many regressions do, and replicas that are forked and loaded
alike share it: it would look like a difference between the models. Drawn anew in each replica it is noise that replicas
average out (Curtsinger & Berger, Stabilizer, ASPLOS 2013). The libraries stay where they were: a forked process keeps
the addresses that the kernel drew for its parent. So do mappings and the stack: moved by some pages, one replica in
twelve took 15 to 33 % longer (docs/explanation/method.md), for huge pages want their alignment.
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
"""A fixed number, and as many of each size: the layout is random, how much memory it takes is not."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What moves a replica's memory."""

    blocks_bytes: tuple[int, ...]
    """Of the heap, in the order in which they are allocated; small ones as often as large ones on a log scale."""
    freed: tuple[int, ...]
    """Half of them, one of each two of about the same size, in the order in which they are freed: holes."""


def draw(run_seed: int, replica: int) -> Layout:
    """Draw the layout of one replica: the same for the same run's seed and number."""
    rng = random.Random(f"layout {run_seed} {replica}")  # noqa: S311 - no secret; a text's hash is the same everywhere
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
    """Allocate from the C library, which TensorFlow allocates from, too; all is freed at the end; MemoryError.

    Gives the addresses of the blocks that are kept.
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
