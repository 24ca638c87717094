"""From models and a scenario: what each arm's replicas serve, and their requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from perfgate.errors import InvalidRunError
from perfgate.experiment.servers import ArmSetup
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
"""Fixed, so that a scenario's payload is the same in every run and baselines stay comparable."""


@dataclass(frozen=True, slots=True)
class ArmRequests:
    """One arm's requests, made once, before any server starts."""

    recorded: RecordedPayload
    """As gRPC messages."""
    sent: tuple[Call, ...]
    """In the target's protocol, in the order in which they are sent."""


def arm_requests(models: Mapping[Arm, Model], scenario: Scenario) -> dict[Arm, ArmRequests]:
    """Make each arm's requests: inputs of the same name carry the same data, and recorded requests are the same.

    UsageError if they do not fit a model, or cannot be expressed in REST.
    """
    warmup_of = warmup_source(models)
    made = {arm: record_scenario(model, scenario, PAYLOAD_SEED, warmup_of) for arm, model in models.items()}
    rest = scenario.target.protocol == "rest"
    return {arm: ArmRequests(each, (rest_form(each) if rest else each).cycle) for arm, each in made.items()}


def ensure_unchanged(models: Mapping[Arm, Model]) -> None:
    """Raise InvalidRunError if a model's files changed since it was opened: servers may have loaded either version."""
    for arm, model in models.items():
        if model.served_as is None and digest(model.path) != model.digest:
            problem = f"the {arm}'s files in {model.path} changed while its servers were started"
            raise InvalidRunError(problem, "measure a copy that nothing writes to")


def arm_setups(
    models: Mapping[Arm, Model],
    requests: Mapping[Arm, ArmRequests],
    scenario: Scenario,
    directory: Path,
    host: str = "127.0.0.1",
) -> dict[Arm, ArmSetup]:
    """Write each arm's requests where its replicas find them, and return what they serve, at which address."""
    setups = {}
    for arm, model in models.items():
        requests_dir = directory / arm.value
        requests_dir.mkdir()
        for number, call in enumerate(requests[arm].recorded.calls):
            (requests_dir / f"{number}.{call.method}.pb").write_bytes(call.body)
        spec = ReplicaSpec(
            label=f"{arm.value} server",
            model_path=model.path,
            tags=model.tags,
            signature=scenario.payload.signature,
            settings=scenario.server,
            host=host,
            requests_dir=requests_dir,
            model_name=scenario.target.model_name,
            version=model.version,
            rest_port=0 if scenario.target.protocol == "rest" else None,
        )
        payload = requests[arm].recorded
        columns = partial(_by_columns, payload) if scenario.target.protocol == "rest" else None
        setups[arm] = ArmSetup(spec, requests[arm].sent, payload.order, columns)
    return setups


def _by_columns(payload: RecordedPayload) -> tuple[Call, ...]:
    return rest_form(payload, by_rows=False).cycle
