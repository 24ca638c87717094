"""The main path: plan, serve, measure block by block, judge, stop, publish."""

from perfgate.pipeline.job import Interrupts, Job, World
from perfgate.pipeline.run import run

__all__ = ["Interrupts", "Job", "World", "run"]
