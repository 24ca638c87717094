"""From models and a scenario to what the replicas of each arm serve and are asked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from perfgate.errors import InvalidRunError
from perfgate.experiment.fleet import ArmSetup
from perfgate.model.digest import digest
from perfgate.model.interface import Model
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.record import record_scenario
from perfgate.payload.rest import rest_form
from perfgate.payload.warmup_assets import warmup_source
from perfgate.scenario.schema import Scenario
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Arm, Call

PAYLOAD_SEED = 0
"""Fixed, so that a scenario's payload is the same in every run and a baseline stays comparable."""


def record_payloads(models: Mapping[Arm, Model], scenario: Scenario) -> dict[Arm, RecordedPayload]:
    """Make each arm's requests: inputs of the same name carry the same data, recorded requests are the same."""
    warmup_of = warmup_source(models)
    return {arm: record_scenario(model, scenario, PAYLOAD_SEED, warmup_of) for arm, model in models.items()}


def ensure_unchanged(models: Mapping[Arm, Model]) -> None:
    """Raise InvalidRunError when a model's files are not those that were opened: servers may have loaded either."""
    for arm, model in models.items():
        if model.served_as is None and digest(model.path) != model.digest:
            problem = f"the {arm}'s files in {model.path} changed while its servers were started"
            raise InvalidRunError(problem, "measure a copy that nobody writes to")


def arm_setups(
    models: Mapping[Arm, Model], payloads: Mapping[Arm, RecordedPayload], scenario: Scenario, directory: Path
) -> dict[Arm, ArmSetup]:
    """Write each arm's requests where its replicas find them, and say what they serve."""
    setups = {}
    for arm, model in models.items():
        requests_dir = directory / arm.value
        requests_dir.mkdir()
        for number, call in enumerate(payloads[arm].calls):
            (requests_dir / f"{number}.{call.method}.pb").write_bytes(call.body)
        spec = ReplicaSpec(
            label=f"{arm.value} server",
            model_path=model.path,
            tags=model.tags,
            signature=scenario.payload.signature,
            settings=scenario.server,
            requests_dir=requests_dir,
            model_name=scenario.target.model_name,
            version=model.version,
            rest_port=0 if scenario.target.protocol == "rest" else None,
        )
        payload = payloads[arm]
        columns = partial(_by_columns, payload) if scenario.target.protocol == "rest" else None
        setups[arm] = ArmSetup(spec, as_sent(payload, scenario).cycle, payload.order, columns)
    return setups


def _by_columns(payload: RecordedPayload) -> tuple[Call, ...]:
    return rest_form(payload, by_rows=False).cycle


def as_sent(payload: RecordedPayload, scenario: Scenario) -> RecordedPayload:
    """Give the requests in the form of the target's protocol; UsageError for what REST cannot say."""
    return rest_form(payload) if scenario.target.protocol == "rest" else payload
