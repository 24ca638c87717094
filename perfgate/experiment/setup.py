"""From models and a scenario to what the replicas of each arm serve and are asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perfgate.experiment.fleet import ArmSetup
from perfgate.model.interface import Model
from perfgate.model.saved_model import signature
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.record import record_payload
from perfgate.scenario.schema import Scenario
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Arm

PAYLOAD_SEED = 0
"""Fixed, so that a scenario's payload is the same in every run and a baseline stays comparable."""


def record_payloads(models: Mapping[Arm, Model], scenario: Scenario) -> dict[Arm, RecordedPayload]:
    """Make each arm's requests from its own signature; inputs of the same name carry the same data."""
    spec = scenario.payload
    return {arm: record_payload(signature(model, spec.signature), spec, PAYLOAD_SEED) for arm, model in models.items()}


def arm_setups(
    models: Mapping[Arm, Model], payloads: Mapping[Arm, RecordedPayload], scenario: Scenario, directory: Path
) -> dict[Arm, ArmSetup]:
    """Write each arm's requests where its replicas find them, and say what they serve."""
    setups = {}
    for arm, model in models.items():
        requests_dir = directory / arm.value
        requests_dir.mkdir()
        for number, message in enumerate(payloads[arm].requests):
            (requests_dir / f"{number}.pb").write_bytes(message)
        spec = ReplicaSpec(
            label=f"{arm.value} server",
            model_path=model.path,
            tags=model.tags,
            signature=scenario.payload.signature,
            settings=scenario.server,
            requests_dir=requests_dir,
            version=model.version,
        )
        setups[arm] = ArmSetup(spec, payloads[arm].requests)
    return setups
