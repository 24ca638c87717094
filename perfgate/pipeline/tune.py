"""`perfgate capacity --tune`: settings of the server explored, and the best compared with the current ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from perfgate.capacity.answer import CapacityAnswer, SettingsCompared, TunedSettings, Tuning
from perfgate.capacity.assemble import capacities_of
from perfgate.capacity.tuning_candidates import (
    CURRENT,
    Candidate,
    batching_candidates,
    current_of,
    server_toml,
)
from perfgate.capacity.tuning_front import best_of, carried_rps, pairs_alike, waited_ms, with_front
from perfgate.errors import InvalidRunError, UsageError
from perfgate.experiment.plan import replicas_that_fit
from perfgate.experiment.world import World
from perfgate.loadgen.workers import Workers
from perfgate.pipeline.capacity import Measured, answer_of, judged_of, searched, with_budget
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.job import Job
from perfgate.pipeline.options import Options
from perfgate.pipeline.rate_search import RateSearch
from perfgate.pipeline.single_job import single_job
from perfgate.pipeline.tune_explore import FIRST_SHARE, SERVERS, Exploration, Time, explore
from perfgate.pipeline.world import world_of
from perfgate.results.progress import Progress
from perfgate.scenario.batching_file import batching_text
from perfgate.scenario.schema import Scenario
from perfgate.serving.open_files import allow_open_files
from perfgate.trials import Arm

SECONDS = 240.0
"""Time for all of it."""
_LEAST_S = 60.0
_EACH_S = 14.0
"""Time of the first round for each settings."""
_MOST_COMPARED = 6
"""Servers of each of the two settings that are compared at the end."""
_STARTS_S = 1.0
"""Time to start and warm up a server of the last comparison, which is taken from its time."""
_TABLE_REQUESTS = 300_000
_MIB = 1 << 20


def tuned(comparison: Comparison, options: Options, host: Host, out: Path) -> CapacityAnswer:
    """Explore settings, and compare the best with the scenario's; InvalidRunError if those do not work.

    ^C ends it, and what is known by then is kept.
    """
    seconds = options.budget or SECONDS
    allow_open_files()
    timed = replace(comparison, scenario=_with_servers(with_budget(comparison.scenario, seconds), SERVERS))
    job = single_job(timed, options, host, out)
    current, cores = current_of(comparison.scenario.server), len(comparison.scenario.server.cpus or host.cpus())
    so_far, progress = Exploration(), host.progress()
    with progress, Workers(comparison.scenario.load.workers) as workers:
        world = world_of(timed, out, host, host.cpus(), job.environment, workers)
        time = Time(seconds, world.clock(), world.clock)
        candidates = _candidates(job, world, current, cores, seconds)
        compared = None
        try:
            explore(job, world, candidates, cores, time, progress, so_far)
            compared = _compared(job, world, so_far, time, progress)
        except KeyboardInterrupt:
            if so_far.current is None or not so_far.current.search.turns:
                raise
        took_s = world.clock() - time.began_s
    return _answer(job, so_far, compared, took_s, cores)


def ensure_tunable(comparison: Comparison, budget_s: float | None) -> None:
    """Raise UsageError for a target whose settings are not perfgate's to change, and for too little time."""
    kind = comparison.scenario.target.kind
    if kind != "embedded":
        problem = f'--tune changes settings of perfgate\'s own server, but target.kind is "{kind}"'
        raise UsageError(problem, 'give a SavedModel and target.kind = "embedded"')
    if (budget_s or SECONDS) < _LEAST_S:
        raise UsageError(f"--tune needs at least {_LEAST_S:.0f} s", "give it more: --budget 4min")


def _with_servers(scenario: Scenario, servers: int) -> Scenario:
    few = {"replicas": min(servers, max(scenario.budget.replicas, SERVERS)), "parents": 1}
    return scenario.model_copy(update={"budget": scenario.budget.model_copy(update=few)})


def _candidates(job: Job, world: World, current: Candidate, cores: int, seconds: float) -> tuple[Candidate, ...]:
    """Return as many settings as there is time and memory for, the current ones first."""
    in_time = int(FIRST_SHARE * seconds / _EACH_S)
    size_mib = max(model.size_bytes for model in job.models.values()) / _MIB
    servers = replicas_that_fit("embedded", 64, 1, 1, world.available_mib(), size_mib)
    most = max(2, min(in_time, servers // SERVERS - 2))  # two more join in the second round
    return (current, *batching_candidates(current, _rows(job.scenario), cores, most - 1))


def _rows(scenario: Scenario) -> int:
    """Return the rows of the largest request, as far as the scenario says."""
    return max(payload.batch_size for _, _, payload in scenario.request_classes())


def _compared(
    job: Job, world: World, so_far: Exploration, time: Time, progress: Progress
) -> tuple[Candidate, RateSearch] | None:
    """Serve the best other settings beside the current ones, and search both on fresh turns."""
    name = best_of(so_far.settings(), carried_rps, others=True)
    chosen = next((each.candidate for each in so_far.explored if each.candidate.name == name), None)
    if chosen is None or so_far.current is None:
        return None
    current = so_far.explored[0].candidate
    left_s = time.until(1.0)
    servers = max(4, min(_MOST_COMPARED, int(left_s / 10)))
    both = _of_both(job, servers)
    seconds = max(left_s - 2 * servers * _STARTS_S, left_s / 2)
    settings = {Arm.BASELINE: current.server, Arm.CANDIDATE: chosen.server}
    found = searched(
        both, world, seconds, progress, settings=settings, bounds=so_far.current.bounds, table_requests=_TABLE_REQUESTS,
        decides=True,
    )  # fmt: skip
    return chosen, found


def _of_both(job: Job, servers: int) -> Job:
    """Return a job in which both arms serve the model, with arrivals of its own."""
    model, requests = job.models[Arm.CANDIDATE], job.prepared.requests[Arm.CANDIDATE]
    scenario = job.scenario.model_copy(update={"budget": job.scenario.budget.model_copy(update={"replicas": servers})})
    comparison = replace(job.comparison, scenario=scenario, models=dict.fromkeys(Arm, model))
    prepared = replace(job.prepared, comparison=comparison, requests=dict.fromkeys(Arm, requests))
    return replace(job, prepared=prepared, seed=job.seed + 1)


def _answer(
    job: Job, so_far: Exploration, compared: tuple[Candidate, RateSearch] | None, seconds: float, cores: int
) -> CapacityAnswer:
    """Make the answer: the capacity of the current settings, and all that was found beside it."""
    if so_far.current is None:
        raise InvalidRunError("nothing was measured")
    found = so_far.current
    plain = answer_of(Measured(job, found, seconds, cores))
    settings = with_front(so_far.settings())
    turns = sum(len(each.search.turns) + len(each.reference) for each in so_far.explored if each.search)
    if compared is None:
        return replace(plain, complete=False, turns=turns, tuning=_tuning(so_far, settings, None), notes=found.notes)
    chosen, last = compared
    comparison = _comparison(job, so_far.explored[0].candidate, chosen, last, cores)
    return replace(
        plain,
        complete=last.complete,
        arms=(comparison.current,),
        servers=last.pairs,
        turn_s=last.lengths.turn_s,
        lead_in_s=last.lengths.lead_in_s,
        turns=turns + len(last.search.turns),
        notes=tuple(dict.fromkeys((*found.notes, *last.notes))),
        tuning=_tuning(so_far, settings, comparison),
    )


def _comparison(job: Job, current: Candidate, chosen: Candidate, found: RateSearch, cores: int) -> SettingsCompared:
    """Judge the last comparison; each arm's limit is described with its own settings."""
    given = job.models[Arm.CANDIDATE].given
    names = dict.fromkeys(Arm, given)
    both = {}
    for arm, candidate in ((Arm.BASELINE, current), (Arm.CANDIDATE, chosen)):
        scenario = job.scenario.model_copy(update={"server": candidate.server})
        both[arm] = capacities_of(found.search, names, judged_of(scenario, found, cores))
    old, new = (next(each for each in both[arm].arms if each.arm is arm) for arm in Arm)
    return SettingsCompared(chosen.name, replace(old, arm=Arm.CANDIDATE), new, both[Arm.CANDIDATE].change)


def _tuning(so_far: Exploration, settings: tuple[TunedSettings, ...], compared: SettingsCompared | None) -> Tuning:
    objective = compared.name if compared and compared.better else CURRENT
    server = next(each.candidate.server for each in so_far.explored if each.candidate.name == objective)
    told_apart = (CURRENT, compared.name) if compared and compared.change and compared.change.differs else ()
    return Tuning(
        reference_rps=so_far.reference_rps,
        reference_stated=so_far.reference_stated,
        settings=settings,
        throughput=best_of(settings, lambda each: each.throughput_rps),
        latency=best_of(settings, lambda each: -waited_ms(each)),
        objective=objective,
        alike=tuple(pair for pair in pairs_alike(settings) if pair != told_apart),
        compared=compared,
        batching_file=batching_text(server.batching) if server.batching else "",
        server_toml=server_toml(server),
    )
