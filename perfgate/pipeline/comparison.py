"""A comparison: which models, under which scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perfgate.baseline.numbers import StoredBaseline
from perfgate.baseline.record import Record
from perfgate.model.interface import Model
from perfgate.payload.warmup_assets import recorded_contents
from perfgate.results.result import ComparisonKind
from perfgate.scenario.files import scenario_digest
from perfgate.scenario.schema import Scenario
from perfgate.serving.endpoint_url import EndpointUrl
from perfgate.trials import Arm, Subject


@dataclass(frozen=True, slots=True)
class Comparison:
    """One scenario's comparison as requested; with one arm only, a measurement against objectives."""

    scenario: Scenario
    """With the target that the MODEL arguments imply."""
    models: Mapping[Arm, Model]
    """The candidate, and the baseline if it is measured."""
    scenario_digest: str
    """Digest of what the scenario measures; stored baselines and calibrations are found by it."""
    subjects: Mapping[EndpointUrl, tuple[Subject, ...]] = field(default_factory=dict)
    """Processes of running servers, whose CPU time and memory are measured."""
    scenario_given: str | None = None
    """The scenario as the user named it; None if not given."""
    baseline_name: str | None = None
    record: Record | None = None
    """The stored baseline whose model is measured again."""
    stored: StoredBaseline | None = None
    """The stored baseline whose numbers the candidate is compared with."""

    @property
    def kind(self) -> ComparisonKind:
        """The kind of baseline that the candidate is compared with."""
        if self.stored is not None:
            return ComparisonKind.STORED_NUMBERS
        return ComparisonKind.SIDE_BY_SIDE if Arm.BASELINE in self.models else ComparisonKind.NONE

    @property
    def running_servers(self) -> tuple[str, ...]:
        """The models that are running servers, as given."""
        return tuple(model.given for model in self.models.values() if model.served_as is not None)


def comparison_of(
    scenario: Scenario,
    models: Mapping[Arm, Model],
    subjects: Mapping[EndpointUrl, tuple[Subject, ...]] | None = None,
    scenario_given: str | None = None,
) -> Comparison:
    """Make a comparison of opened models; UsageError if a file named by the scenario cannot be read."""
    digest = scenario_digest(scenario, recorded_contents(models[Arm.CANDIDATE], scenario))
    return Comparison(scenario, models, digest, subjects or {}, scenario_given)
