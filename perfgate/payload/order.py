"""Order of the requests of several classes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, gcd, lcm

import numpy as np

from perfgate import formatting
from perfgate.errors import UsageError

LONGEST_CYCLE = 100_000
_EXACT_UP_TO = 10_000


def cycle_order(weights: Sequence[float], sizes: Sequence[int], seed: int) -> tuple[int, ...]:
    """Order one cycle of requests, numbered through all classes: class after class, `sizes` requests each.

    Classes alternate at random, exactly in proportion to their weights, or up to the largest remainder if no cycle of
    10 000 or fewer is exact; each class's requests come in turn. A cycle is long enough to include every request,
    unless that takes more than `LONGEST_CYCLE`. The same on every machine. UsageError for a class too rare to occur.
    """
    if len(sizes) == 1:
        return tuple(range(sizes[0]))
    counts = _counts([Fraction(repr(weight)) for weight in weights], sizes)
    kinds = np.repeat(np.arange(len(counts)), counts)
    # Raw words and a stable sort, because these are the same in every version of numpy (NEP 19).
    words = np.random.PCG64(np.random.SeedSequence((seed, len(counts)))).random_raw(len(kinds))
    shuffled = kinds[np.argsort(words, kind="stable")]
    order, first = np.empty(len(kinds), np.int64), 0
    for kind, size in enumerate(sizes):
        (places,) = np.nonzero(shuffled == kind)
        order[places] = first + np.arange(len(places)) % size
        first += size
    return tuple(order.tolist())


def _counts(weights: Sequence[Fraction], sizes: Sequence[int]) -> list[int]:
    """Return how often each class occurs in a cycle."""
    whole = sum(weights)
    scale = lcm(*(weight.denominator for weight in weights))
    parts = [int(weight * scale) for weight in weights]
    parts = [part // gcd(*parts) for part in parts]
    needed = max(ceil(size * whole / weight) for size, weight in zip(sizes, weights, strict=True))
    unit = sum(parts)
    if unit <= _EXACT_UP_TO:
        times = max(1, min(ceil(needed / unit), LONGEST_CYCLE // unit))
        return [part * times for part in parts]
    length = max(_EXACT_UP_TO, min(needed, LONGEST_CYCLE))
    counts = [int(weight * length / whole) for weight in weights]
    rests = [weight * length / whole - count for weight, count in zip(weights, counts, strict=True)]
    for kind in sorted(range(len(rests)), key=lambda kind: -rests[kind])[: length - sum(counts)]:
        counts[kind] += 1
    if 0 in counts:
        share = float(weights[counts.index(0)] / whole)
        raise UsageError(
            f"a request class with a share of {formatting.share(share)} is never sent", "raise its weight, or remove it"
        )
    return counts
