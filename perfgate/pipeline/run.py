"""`run()`: the main path on one screen."""

from __future__ import annotations

from perfgate.experiment.world import World
from perfgate.pipeline.begin import begun
from perfgate.pipeline.cautions import cautions_of
from perfgate.pipeline.job import Interrupts, Job
from perfgate.pipeline.judge import judge_run
from perfgate.pipeline.measure import measure
from perfgate.pipeline.plan import plan_of
from perfgate.pipeline.publish import publish, withdraw
from perfgate.pipeline.why import profile, why
from perfgate.results.assemble import assemble
from perfgate.results.progress import Progress
from perfgate.results.recorder import Recorder
from perfgate.results.result import Result


def run(job: Job, world: World, progress: Progress, interrupts: Interrupts) -> Result:
    """Measure a prepared comparison, judge it, and publish the result.

    A run that is interrupted or invalid is judged and published too, with what it has. UsageError if the directory
    cannot be written.
    """
    plan = plan_of(job, world)
    with Recorder(begun(job, plan), job.out) as recorder, progress:
        withdraw(job.out)
        ending = measure(job, plan, world, recorder, progress, interrupts)
        with interrupts.held():
            recorded = recorder.recorded()
            judgement = judge_run(job, plan, recorded, ending)
            result = assemble(
                recorded,
                ending.outcome,
                judgement,
                looks=ending.looks,
                cautions=cautions_of(job, plan, recorded, judgement),
                explanation=why(job, recorded, ending, judgement),
                profile=profile(job, ending),
                wall_s=ending.wall_s,
            )
            publish(result, job.out)
            return result
