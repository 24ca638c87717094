"""From what a driver recorded to the recorded part of a turn."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from perfgate.capacity.answer import Bound
from perfgate.capacity.bounds import missed
from perfgate.capacity.lengths import Lengths
from perfgate.capacity.search import Ask
from perfgate.capacity.turn import Floats, Seen, Turn, backlog_grows
from perfgate.experiment.cautions import GENERATOR_LIMIT, lags
from perfgate.trials import Requests, Trial


@dataclass(frozen=True, slots=True)
class Protocol:
    """What all turns of a measurement have in common."""

    bounds: tuple[Bound, ...]
    lengths: Lengths
    workers: int
    """Processes of the load generator."""


def turn_of(ask: Ask, trial: Trial, instants_s: Floats, protocol: Protocol) -> Turn:
    """Cut off a turn's start, and count what missed each bound."""
    requests, lengths = trial.requests, protocol.lengths
    recorded = requests.scheduled_s >= lengths.lead_in_s
    misses = [each & recorded for each in missed(protocol.bounds, requests)]
    begin_s, end_s = requests.scheduled_s, requests.scheduled_s + requests.response_ms / 1e3
    first, last = lengths.lead_in_s, lengths.whole_s
    count, middle_s = int(np.count_nonzero(recorded)), lengths.lead_in_s + lengths.turn_s / 2
    overlap_s = np.clip(np.minimum(end_s, last) - np.maximum(begin_s, first), 0, None)
    at_first, at_middle, at_last = (
        int(np.count_nonzero((begin_s < at) & (end_s > at))) for at in (first, middle_s, last)
    )
    if overloaded := backlog_grows((at_first, at_middle, at_last), count):
        misses = [recorded if bound.bound_ms else each for bound, each in zip(protocol.bounds, misses, strict=True)]
    kept = all(
        np.count_nonzero(each) <= bound.share * count for each, bound in zip(misses, protocol.bounds, strict=True)
    )
    early = int(np.count_nonzero(misses[0] & (begin_s < middle_s)))
    answered = (requests.status == 0) & (end_s >= first) & (end_s < last)
    return Turn(
        arm=trial.arm,
        pair=ask.pair,
        number=ask.number,
        stage=ask.stage,
        rate_rps=ask.rate_rps,
        instants_s=instants_s,
        response_ms=requests.response_ms[recorded],
        missed=tuple(int(np.count_nonzero(each)) for each in misses),
        failed=int(np.count_nonzero(recorded & (requests.status != 0))),
        halves=(early, int(np.count_nonzero(misses[0])) - early),
        achieved_rps=int(np.count_nonzero(answered)) / lengths.turn_s,
        in_flight=float(overlap_s.sum()) / lengths.turn_s,
        growth=(at_last - at_first) / max(count, 1),
        overloaded=overloaded,
        seen=_seen(trial, protocol, kept=kept),
    )


def _seen(trial: Trial, protocol: Protocol, *, kept: bool) -> Seen:
    """Return what was observed beside the requests; a busy generator that kept its schedule spoils nothing.

    `kept`: whether the objectives held. If they did, the server can carry the rate, however busy the generator was.
    """
    requests, stages = trial.requests, trial.requests.stages
    generator = trial.driver_cpu_ms / 1e3 / trial.wall_s if trial.wall_s else nan
    lag_ms = requests.send_lag_ms
    queue_ms = nan if stages is None else _mean(stages.queue_ms)
    response_ms = _mean(requests.response_ms)
    return Seen(
        cpu_cores=trial.cpu_ms / 1e3 / trial.wall_s if trial.wall_s else nan,
        memory_mb=trial.memory.rss_mb if trial.memory else nan,
        batch_size=nan if stages is None else _mean(stages.batch_size),
        queue_share=queue_ms / response_ms if response_ms > 0 else nan,
        generator_cores=generator,
        send_lag_ms=float(np.quantile(lag_ms, 0.99)) if lag_ms.size else nan,
        generator_bound=(generator > GENERATOR_LIMIT * protocol.workers and not kept) or _lags(requests),
    )


def _lags(requests: Requests) -> bool:
    """Return whether the generator, not the server, decided the response times of a turn."""
    if not requests.send_lag_ms.size:
        return False
    return lags(*(np.quantile(times, (0.5, 0.99)) for times in (requests.send_lag_ms, requests.service_ms)))


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else nan
