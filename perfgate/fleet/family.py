"""One error level for many gates: which of them are declared to have failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from perfgate.fleet.schema import Correction

Test = Callable[[float], bool]
"""Whether a gate fails at an error level of its own; a gate that fails at one level fails at every higher one."""

SHARES = {1: (1.0,), 2: (0.75, 0.25)}
"""Share of the error level that each round may spend, by number of rounds. What two rounds err together is at most the
sum; the second round has more time, and so bears a stricter level better."""


def failed(tests: Mapping[str, Test], alpha: float, correction: Correction) -> frozenset[str]:
    """Return the gates that fail, at one error level for all of them together.

    Holm, Scandinavian Journal of Statistics 6 (1979) 65: at most alpha of fleets have any false failure. Benjamini &
    Hochberg, Journal of the Royal Statistical Society B 57 (1995) 289: at most alpha of the failures are false in the
    mean, for independent gates.
    """
    return _holm(tests, alpha) if correction is Correction.HOLM else _benjamini_hochberg(tests, alpha)


def milder_level(alpha: float, failing: int, gates: int, correction: Correction) -> float:
    """Return a level at which each of the gates that were declared to fail does: that of the last step."""
    if correction is Correction.HOLM:
        return alpha / max(gates - max(failing - 1, 0), 1)
    return alpha * failing / max(gates, 1)


def _holm(tests: Mapping[str, Test], alpha: float) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    while True:
        level = alpha / max(len(tests) - len(found), 1)
        more = found | {name for name, test in tests.items() if name not in found and test(level)}
        if more == found:
            return found
        found = more


def _benjamini_hochberg(tests: Mapping[str, Test], alpha: float) -> frozenset[str]:
    """Return the largest set of k gates that all fail at alpha * k / m.

    Beginning with all of them: whatever fails at one level includes what fails at lower ones, so that the first set
    that does not shrink any more is the largest.
    """
    found = frozenset(tests)
    while found:
        level = alpha * len(found) / len(tests)
        fewer = frozenset(name for name in found if tests[name](level))
        if fewer == found:
            return found
        found = fewer
    return found
