"""Shares of failed requests of two arms, compared by their difference, with exact bounds."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from math import ceil, sqrt

import numpy as np
from scipy import optimize

from perfgate.stats.binomial import lower_share, upper_share
from perfgate.stats.clusters import certainty

_LEAST_LEVEL = 1e-15
_MOST_TIMES = 1000


@dataclass(frozen=True, slots=True)
class Counts:
    """Failed and all requests of both arms, each divided by its design effect and so not whole numbers."""

    baseline_failed: float
    """Failed requests of the baseline."""
    baseline_requests: float
    """All requests of the baseline."""
    candidate_failed: float
    """Failed requests of the candidate."""
    candidate_requests: float
    """All requests of the candidate."""
    clusters: int = 0
    """Number of batches of requests that the design effect is estimated from, in the arm with fewer; 0: exact."""
    requests_each: float = 1.0
    """Number of requests that one of these counts stands for: the larger of the two design effects."""

    @property
    def difference(self) -> float:
        """Candidate's share minus the baseline's."""
        return self.candidate_failed / self.candidate_requests - self.baseline_failed / self.baseline_requests

    @property
    def se(self) -> float:
        """Standard error of the difference by the normal approximation, with a failure and a success added to each arm.

        Agresti & Caffo, The American Statistician 54 (2000) 280; for planning, never for a bound.
        """
        parts = ((self.baseline_failed, self.baseline_requests), (self.candidate_failed, self.candidate_requests))
        shares = [((failed + 1) / (requests + 2), requests + 2) for failed, requests in parts]
        return sqrt(sum(share * (1 - share) / size for share, size in shares))

    def times(self, factor: float) -> Counts:
        """Return the counts for a multiple of the requests, with the same shares."""
        return replace(
            self,
            baseline_failed=factor * self.baseline_failed,
            baseline_requests=factor * self.baseline_requests,
            candidate_failed=factor * self.candidate_failed,
            candidate_requests=factor * self.candidate_requests,
        )

    def lower(self, alpha: float) -> float:
        """One-sided lower bound of the difference at level alpha: each arm's Clopper-Pearson bound at half of it.

        Bonferroni over both arms, so the level holds for any two shares and any number of requests.
        """
        kept = self._kept(alpha / 2)
        return lower_share(kept.candidate_failed, kept.candidate_requests, alpha / 2) - upper_share(
            kept.baseline_failed, kept.baseline_requests, alpha / 2
        )

    def upper(self, alpha: float) -> float:
        """One-sided upper bound of the difference at level alpha, the same way."""
        kept = self._kept(alpha / 2)
        return upper_share(kept.candidate_failed, kept.candidate_requests, alpha / 2) - lower_share(
            kept.baseline_failed, kept.baseline_requests, alpha / 2
        )

    def _kept(self, alpha: float) -> Counts:
        return self.times(certainty(self.clusters, alpha)) if self.clusters else self

    def p_below(self, limit: float) -> float:
        """Test of H0: the difference is at least `limit`; returns the least level whose upper bound is below it."""
        other_way = replace(
            self,
            baseline_failed=self.candidate_failed,
            baseline_requests=self.candidate_requests,
            candidate_failed=self.baseline_failed,
            candidate_requests=self.baseline_requests,
        )
        return other_way.p_above(-limit)

    def p_above(self, limit: float) -> float:
        """Test of H0: the difference is at most `limit`; returns the least level whose lower bound is above it."""
        if self.lower(1.0) <= limit:
            return 1.0
        if self.lower(_LEAST_LEVEL) > limit:
            return _LEAST_LEVEL
        log_level = optimize.brentq(lambda x: self.lower(float(np.exp(x))) - limit, np.log(_LEAST_LEVEL), 0.0)
        return float(np.exp(log_level))

    def detectable(self, limit: float, alpha: float, power: float) -> float:
        """Return the least true difference whose lower bound exceeds `limit` with this power, same baseline."""
        from scipy import stats  # noqa: PLC0415 - takes a second to import, and few commands need it

        base, requests = self.baseline_failed / self.baseline_requests, int(self.candidate_requests)

        def beyond(share: float) -> float:
            failed = float(stats.binom.ppf(1 - power, requests, share))
            return replace(self, candidate_failed=failed, candidate_requests=requests).lower(alpha) - limit

        return float(optimize.bisect(beyond, 0.0, 1.0, xtol=1e-6)) - base if beyond(1.0) > 0 else 1.0 - base

    def requests_to_decide(self, limit: float, alpha: float) -> int | None:
        """Return the requests an arm that would decide with the same shares; None if no practical number would."""

        def settled(percent: int) -> bool:
            more = self.times(percent / 100)
            return more.upper(alpha) <= limit or more.lower(alpha) > limit

        percent = bisect_left(range(100 * _MOST_TIMES), x=True, lo=100, key=settled)
        if percent >= 100 * _MOST_TIMES:
            return None
        return ceil(min(self.baseline_requests, self.candidate_requests) * self.requests_each * percent / 100)
