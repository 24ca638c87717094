"""CPU and memory that a server reports on a Prometheus page."""

from __future__ import annotations

import contextlib
import math
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from http.client import HTTPException

from perfgate.observe.proc_files import UNKNOWN_MEMORY, mib
from perfgate.trials import Memory, Usage

_TIMEOUT_S = 1.0
_LONGEST_PAGE = 1 << 23
_FRESH_S = 0.5
_CPU, _MEMORY, _BEGAN = "process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"


def totals(page: str, names: Collection[str]) -> Mapping[str, float]:
    """Sum each of these metrics over its labels, ignoring lines that are not samples.

    The text format 0.0.4, and OpenMetrics as far as sample lines are concerned. Each line is parsed separately, since
    the library rejects a page with one invalid line, and only if it contains one of the names: a page of 2,000 lines
    would take 40 ms. https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - slow to import

    found: defaultdict[str, float] = defaultdict(float)
    for line in page.split("\n"):
        if any(name in line for name in names) and not line.startswith("#"):
            with contextlib.suppress(ValueError, IndexError):  # the latter of names that are blank
                for family in text_string_to_metric_families(line):
                    for sample in family.samples:
                        found[sample.name] += sample.value
    return {name: found[name] for name in names if name in found}


def fetch(url: str) -> str:
    """Get the page; every failure is an OSError or a ValueError."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"not a web address: {url}")
    request = urllib.request.Request(url, headers={"Accept": "text/plain; version=0.0.4"})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            page: bytes = answer.read(_LONGEST_PAGE)
    except HTTPException as error:
        raise ValueError(f"not an answer in HTTP: {error!r}") from error
    return page.decode(errors="replace")


class PrometheusAccounts:
    """Observes the process behind a page, usually in ticks of 10 ms: too coarse for less than a second of CPU time.

    Each reading of CPU time fetches the page; what is read right after it comes from the same page, so two readings
    around a trial make two requests. A restarted server is another one: unknown from then on.
    """

    def __init__(
        self, url: str, get: Callable[[str], str] = fetch, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._url, self._get, self._clock = url, get, clock
        self._peak_mb = 0.0
        self._began: float | None = None
        self._page: Mapping[str, float] = {}
        self._read_s = -math.inf
        self._missing = self._absent()

    def cpu_ms(self) -> float:
        """Return the reported CPU time since the server began."""
        return self._fresh().get(_CPU, math.nan) * 1e3

    def memory(self) -> Memory:
        """Return the reported RSS; the peak is the highest one observed here."""
        rss_mb = mib(self._recent().get(_MEMORY, math.nan))
        if math.isnan(rss_mb):
            return UNKNOWN_MEMORY
        self._peak_mb = max(self._peak_mb, rss_mb)
        return Memory(rss_mb, self._peak_mb, math.nan, math.nan)

    def usage(self) -> Usage:
        """Count nothing: the page has no such metrics."""
        return Usage()

    @property
    def missing(self) -> tuple[str, ...]:
        """What was missing from the page at the first request."""
        return self._missing

    def _absent(self) -> tuple[str, ...]:
        page, wanted = self._fresh(), (("CPU time", _CPU), ("memory", _MEMORY))
        return tuple(word for word, name in wanted if math.isnan(page.get(name, math.nan)))

    def _recent(self) -> Mapping[str, float]:
        return self._page if self._clock() - self._read_s < _FRESH_S else self._fresh()

    def _fresh(self) -> Mapping[str, float]:
        try:
            page = totals(self._get(self._url), (_CPU, _MEMORY, _BEGAN))
        except (OSError, ValueError):
            page = {}
        began = page.get(_BEGAN)
        if began is not None and self._began is None:
            self._began = began
        if began is not None and began != self._began:
            page = {}
        self._page, self._read_s = page, self._clock()
        return page
