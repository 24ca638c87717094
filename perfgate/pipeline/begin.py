"""The result before anything is measured: what is compared, under which plan, on which machine."""

from __future__ import annotations

from perfgate.baseline.fingerprint import fingerprint
from perfgate.baseline.numbers import unlike
from perfgate.cautions import CautionKind
from perfgate.experiment.plan import Plan
from perfgate.model.interface import Model
from perfgate.payload.interface import RecordedPayload
from perfgate.pipeline.cautions import known_beforehand
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.job import Job
from perfgate.results.result import ModelFacts, Outcome, RecordFacts, Result
from perfgate.results.scenario import as_recorded
from perfgate.trials import Arm, Caution
from perfgate.version import __version__

_MIB = 1 << 20


def begun(job: Job, plan: Plan) -> Result:
    """Return the result as known before measuring; fixes the seed and the plan."""
    comparison, scenario, requests = job.comparison, job.scenario, job.prepared.requests[Arm.CANDIDATE].recorded
    wanted, got = scenario.budget.replicas, plan.replicas
    short = CautionKind.MEMORY.caution(started=got, wanted=wanted)
    return Result(
        run_id=job.run_id,
        created_utc=job.created.isoformat(timespec="seconds"),
        perfgate_version=__version__,
        status=Outcome.RUNNING,
        command=job.command,
        comparison=comparison.kind,
        baseline_name=comparison.baseline_name,
        scenario=as_recorded(scenario),
        scenario_digest=comparison.scenario_digest,
        payload_digest=requests.digest,
        payload_shares=requests.shares,
        models={arm.value: _facts(model) for arm, model in job.models.items()},
        plan=plan.as_dict() | job.advice.plan,
        environment=dict(job.environment),
        fingerprint=fingerprint(job.environment, scenario.server.model_dump(mode="json")),
        judgement=None,
        cautions=(
            *((short,) if got < wanted else ()),
            *_unlike(comparison, requests, plan),
            *known_beforehand(job),
        ),
        stored=None if comparison.stored is None else comparison.stored.facts,
        record=_record_facts(comparison),
    )


def _record_facts(comparison: Comparison) -> RecordFacts | None:
    record = comparison.record if comparison.stored is None else comparison.stored.newest
    if record is None:
        return None
    return RecordFacts(record.place, record.created_utc, record.fingerprint, dict(record.environment))


def _unlike(comparison: Comparison, requests: RecordedPayload, plan: Plan) -> tuple[Caution, ...]:
    if comparison.stored is None:
        return ()
    return (*comparison.stored.cautions, *unlike(comparison.stored, requests.digest, len(plan.slots)))


def _facts(model: Model) -> ModelFacts:
    return ModelFacts(model.given, str(model.path), model.digest, model.version, model.size_bytes / _MIB)
