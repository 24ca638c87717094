"""From models and a scenario to what the replicas of each arm serve and are asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perfgate.errors import InvalidRunError
from perfgate.experiment.fleet import ArmSetup
from perfgate.model.digest import digest
from perfgate.model.interface import Model, TensorSpec
from perfgate.model.saved_model import signature
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.record import record_scenario
from perfgate.payload.rest import rest_form
from perfgate.payload.shapes import request_shape
from perfgate.payload.warmup_assets import warmup_source
from perfgate.scenario.schema import InputSpec, Scenario
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Arm, Caution

PAYLOAD_SEED = 0
"""Fixed, so that a scenario's payload is the same in every run and a baseline stays comparable."""


def record_payloads(models: Mapping[Arm, Model], scenario: Scenario) -> dict[Arm, RecordedPayload]:
    """Make each arm's requests: inputs of the same name carry the same data, recorded requests are the same."""
    warmup_of = warmup_source(models)
    return {arm: record_scenario(model, scenario, PAYLOAD_SEED, warmup_of) for arm, model in models.items()}


def request_cautions(models: Mapping[Arm, Model], scenario: Scenario) -> tuple[Caution, ...]:
    """Warn of inputs that one arm alone has; InvalidRunError when a shared one would get another shape."""
    if len(models) < len(Arm):
        return ()
    old, new = ({each.name: each for each in signature(models[arm], scenario.payload.signature).inputs} for arm in Arm)
    shared = sorted(old.keys() & new.keys())
    if not shared and (old or new):
        problem = f"the two models share no input ({', '.join(sorted(old))} then {', '.join(sorted(new))})"
        raise InvalidRunError(problem, "compare versions of one model")
    for name in shared:
        before, after = (_shape(each[name], scenario) for each in (old, new))
        if before != after:
            problem = f"the arms would get different requests: input {name} takes {before}, then {after}"
            raise InvalidRunError(problem, "export both for the same shapes; a fixed batch size is one")
    changed = [
        f"{name} {old[name].dtype} then {new[name].dtype}" for name in shared if old[name].dtype != new[name].dtype
    ]
    changed += [f"{name} of the baseline only" for name in sorted(old.keys() - new.keys())]
    changed += [f"{name} of the candidate only" for name in sorted(new.keys() - old.keys())]
    message = f"the two versions take different inputs: {', '.join(changed)}"
    return (Caution("inputs", message, "what they share carries the same data"),) if changed else ()


def _shape(tensor: TensorSpec, scenario: Scenario) -> list[int]:
    given = scenario.payload.inputs.get(tensor.name, InputSpec())
    return list(request_shape(tensor, given, scenario.payload.batch_size))


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
        setups[arm] = ArmSetup(spec, as_sent(payloads[arm], scenario).cycle, payloads[arm].order)
    return setups


def as_sent(payload: RecordedPayload, scenario: Scenario) -> RecordedPayload:
    """Give the requests in the form of the target's protocol; UsageError for what REST cannot say."""
    return rest_form(payload) if scenario.target.protocol == "rest" else payload
