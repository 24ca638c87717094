"""The result as it is before anything is measured: who is compared with whom, under which plan, on what machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perfgate import __version__
from perfgate.baseline.fingerprint import fingerprint
from perfgate.baseline.numbers import unlike
from perfgate.experiment.plan import Plan
from perfgate.model.interface import Model
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.warmup_assets import recorded_contents
from perfgate.pipeline.job import Job, World
from perfgate.results.result import ModelFacts, RecordFacts, Result
from perfgate.scenario.files import scenario_digest
from perfgate.trials import SAME_MODEL, Arm, Caution

MIB = 1 << 20


def started(job: Job, world: World, plan: Plan, payloads: Mapping[Arm, RecordedPayload]) -> Result:
    """Write down all that is known beforehand; the seed and the plan are frozen here."""
    server = job.scenario.server.model_dump(mode="json")
    wanted, got = job.scenario.budget.replicas, plan.replicas
    short = Caution("memory", f"memory is short: {got} replicas an arm instead of {wanted}", "free memory for more")
    return Result(
        run_id=job.run_id,
        created_utc=world.now().isoformat(timespec="seconds"),
        perfgate_version=__version__,
        status="running",
        command=job.command,
        comparison=_comparison(job),
        baseline_name=job.baseline_name,
        scenario=job.scenario.model_dump(mode="json"),
        scenario_digest=scenario_digest(job.scenario, recorded_contents(job.models[Arm.CANDIDATE], job.scenario)),
        payload_digest=payloads[Arm.CANDIDATE].digest,
        payload_shares=payloads[Arm.CANDIDATE].shares,
        models={arm.value: _facts(model) for arm, model in job.models.items()},
        plan=plan.as_dict() | job.advice.plan,
        environment=dict(world.environment),
        fingerprint=fingerprint(world.environment, server),
        judgement=None,
        cautions=(
            *((short,) if got < wanted else ()),
            *_unlike(job, payloads, plan),
            *known_beforehand(job),
        ),
        stored=None if job.stored is None else job.stored.facts,
        record=_record_facts(job),
    )


def known_beforehand(job: Job) -> tuple[Caution, ...]:
    """Warn of what shows before any server is started."""
    return (*_same_model(job.models), *job.advice.cautions, *job.cautions)


def _same_model(models: Mapping[Arm, Model]) -> Iterator[Caution]:
    """Warn of one model under two names: a link, a copy, or a version that was never written."""
    named = {model.given: model for model in models.values() if model.size_bytes}  # else not known: it runs elsewhere
    if len(named) > 1 and len({model.digest for model in named.values()}) == 1:
        yield Caution(SAME_MODEL, f"{' and '.join(named)} are the same model, byte for byte", "check both paths")


def _record_facts(job: Job) -> RecordFacts | None:
    record = job.record if job.stored is None else job.stored.newest
    if record is None:
        return None
    return RecordFacts(f"{record.name}/{record.id}", record.created_utc, record.fingerprint, dict(record.environment))


def _comparison(job: Job) -> str:
    if job.stored is not None:
        return "stored numbers"
    return "side by side" if Arm.BASELINE in job.models else "none"


def _unlike(job: Job, payloads: Mapping[Arm, RecordedPayload], plan: Plan) -> tuple[Caution, ...]:
    if job.stored is None:
        return ()
    return (*job.stored.cautions, *unlike(job.stored, payloads[Arm.CANDIDATE].digest, len(plan.slots)))


def _facts(model: Model) -> ModelFacts:
    return ModelFacts(model.given, str(model.path), model.digest, model.version, model.size_bytes / MIB)
