"""Whether both arms are asked the same."""

from __future__ import annotations

from collections.abc import Mapping

from perfgate.errors import InvalidRunError
from perfgate.model.interface import Model, TensorSpec
from perfgate.model.saved_model import signature
from perfgate.payload.shapes import request_shape, shown
from perfgate.payload.warmup_assets import warmup_differences
from perfgate.scenario.schema import InputSpec, Payload, Scenario
from perfgate.trials import Arm, Caution


def request_differences(models: Mapping[Arm, Model], scenario: Scenario) -> tuple[Caution, ...]:
    """Warn of inputs that one arm alone has, in every request class; InvalidRunError for other shapes of a shared one.

    Recorded requests are the same for both, and do not fit or do: `record_scenario` says so.
    """
    if len(models) < len(Arm):
        return ()
    random = [payload for _, _, payload in scenario.request_classes() if payload.source == "signature"]
    found = [caution for payload in random for caution in _of_inputs(models, payload)]
    return (*dict.fromkeys(found), *warmup_differences(models, scenario))


def _of_inputs(models: Mapping[Arm, Model], payload: Payload) -> tuple[Caution, ...]:
    old, new = ({each.name: each for each in signature(models[arm], payload.signature).inputs} for arm in Arm)
    shared = sorted(old.keys() & new.keys())
    if not shared and (old or new):
        problem = f"the two models share no input ({', '.join(sorted(old))} then {', '.join(sorted(new))})"
        raise InvalidRunError(problem, "compare versions of one model")
    for name in shared:
        before, after = (_shape(each[name], payload) for each in (old, new))
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


def _shape(tensor: TensorSpec, payload: Payload) -> str:
    return shown(request_shape(tensor, payload.inputs.get(tensor.name, InputSpec()), payload.batch_size))
