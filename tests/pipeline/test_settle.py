"""Between turns of a search."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from perfgate.pipeline import rate_search
from perfgate.pipeline.rate_search import settle
from tests.stats.build import requests


class Probed:
    """A server that answers probes with these response times, each of which takes as long."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times_ms: list[float]) -> None:
        self.time_s, self.probes, self._times_ms = 0.0, 0, times_ms
        monkeypatch.setattr(rate_search, "_closed", self._answer)

    def _answer(self, *_: Any) -> Any:
        found = self._times_ms[min(self.probes, len(self._times_ms) - 1)]
        self.probes += 1
        self.time_s += found / 1e3
        return requests([found])

    def settles(self, turn_ms: list[float]) -> tuple[int, float]:
        bench: Any = SimpleNamespace(now_s=lambda: self.time_s)
        live: Any = None
        settle(live, requests(turn_ms), 2.0, bench)
        return self.probes, self.time_s


def test_a_turn_without_a_queue_at_its_end_needs_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Probed(monkeypatch, [1.0]).settles([900.0] * 50 + [4.0] * 20) == (0, 0.0)
    assert Probed(monkeypatch, [1.0]).settles([]) == (0, 0.0)


def test_the_server_is_probed_until_it_answers_as_without_load(monkeypatch: pytest.MonkeyPatch) -> None:
    probes, time_s = Probed(monkeypatch, [800.0, 300.0, 5.0]).settles([1_000.0] * 40)
    assert probes == 3
    assert np.isclose(time_s, 1.105)


def test_a_server_that_stays_slow_is_waited_for_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    probes, time_s = Probed(monkeypatch, [700.0]).settles([1_000.0] * 40)
    assert probes == 8
    assert np.isclose(time_s, 5.6)
