"""One run as a row of the table of all runs, and each of its metrics as a row of the table of metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of one run; numbers are null if they are not known."""

    metric: str
    """Name in the [metrics table](metrics.md)."""
    unit: str
    """Unit of `baseline`, `candidate` and `objective`; empty if this perfgate does not know the metric."""
    scale: str | None
    """`ratio`: `change`, its bounds and `tolerance` are shares, 0.05 for +5%; `difference`: they are in the unit."""
    source: str | None
    """Where it was measured, such as `cost/execute`."""
    baseline: float | None
    """Value of the baseline."""
    candidate: float | None
    """Value of the candidate."""
    change: float | None
    """Change from the baseline to the candidate."""
    lower: float | None
    """One-sided lower bound of the change, by which it was judged."""
    upper: float | None
    """One-sided upper bound of the change."""
    ci95_lower: float | None
    """Lower end of the two-sided 95% interval of the change: half its width shows how noisy the measurement was."""
    ci95_upper: float | None
    """Upper end of that interval."""
    tolerance: float | None
    """Accepted change for the worse."""
    detectable: float | None
    """Smallest regression that this measurement detects with 80% power."""
    gated: bool
    """Whether the metric was judged."""
    severity: str | None
    """How much a failure counts: `error`, `warn` or `off`."""
    verdict: str | None
    """Verdict on this metric; null if nothing was compared."""
    objective: float | None
    """Bound on the candidate's value; null without an objective."""
    objective_is_maximum: bool | None
    """Whether the value must be at most the bound, not at least."""
    objective_verdict: str | None
    """Verdict on the objective."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run, from its `result.json`."""

    run_id: str
    """Name of the run; together with `created_utc`, it identifies a run."""
    created_utc: datetime
    """When the run began."""
    model: str | None
    """Model of the candidate as given, without a version number at the end: `models/ranking` for `models/ranking/7`."""
    scenario: str | None
    """Name of the scenario."""
    verdict: str
    """`pass`, `fail`, `inconclusive` or `invalid`; `interrupted` or `running` for a run without a verdict. A run that
    was killed stays `running`."""
    headline: str | None
    """The finding in one line, with its most important number."""
    wall_s: float | None
    """Wall time of the whole run; null while it is running."""
    moved_metric: str | None
    """The metric that moved most: whose change is the largest multiple of its tolerance, of the gated ones if any."""
    moved_change: float | None
    """Its change, as in `change` of the metrics."""
    moved_lower: float | None
    """One-sided lower bound of this change."""
    moved_upper: float | None
    """One-sided upper bound of this change."""
    model_given: str | None
    """Model of the candidate as given."""
    model_version: int | None
    """Its version number."""
    model_digest: str | None
    """Digest of its files."""
    model_size_mb: float | None
    """Size of its files, MiB."""
    comparison: str | None
    """What it was compared with: `side by side`, `stored numbers`, `none`."""
    baseline_name: str | None
    """Name of the stored baseline; null if none was requested."""
    baseline_given: str | None
    """Model of the baseline as given."""
    baseline_digest: str | None
    """Digest of its files."""
    scenario_digest: str | None
    """Digest of what the scenario measures."""
    payload_digest: str | None
    """Digest of the requests."""
    fingerprint: str | None
    """Digest of the stable facts about the environment: runs with the same one were measured on equal machines."""
    cpu_model: str | None
    """Processor of the machine."""
    cores: float | None
    """Number of cores that could be used."""
    memory_mib: float | None
    """Memory of the machine, MiB."""
    os: str | None
    """Operating system."""
    caution_codes: tuple[str, ...]
    """Codes of its [cautions](cautions.md)."""
    perfgate_version: str | None
    """Version of perfgate that measured."""
    directory: str
    """Directory of the run."""
