"""Check that both arms get the same requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perfgate.cautions import CautionKind
from perfgate.errors import InvalidRunError
from perfgate.model.interface import Model, TensorSpec
from perfgate.model.saved_model import signature
from perfgate.payload.inputs import Filled, filled_inputs
from perfgate.payload.shapes import request_shape, shown
from perfgate.payload.warmup_assets import warmup_differences
from perfgate.scenario.schema import Payload, Scenario
from perfgate.trials import Arm, Caution

_NO_SHARED_INPUT = (
    "compare versions of one model; if the exporter numbers its inputs, name them in the model, or use a scenario "
    'with a pattern such as `[payload.inputs."keras_tensor*"]` (`perfgate init MODEL` writes one)'
)


def request_differences(models: Mapping[Arm, Model], scenario: Scenario) -> tuple[Caution, ...]:
    """Warn of inputs that only one arm has, in every request class; InvalidRunError if a shared one has other shapes.

    Recorded requests are the same for both arms, and `record_scenario` checks that they fit.
    """
    if len(models) < len(Arm):
        return ()
    random = [payload for _, _, payload in scenario.request_classes() if payload.source == "signature"]
    found = [caution for payload in random for caution in _of_inputs(models, payload)]
    return (*dict.fromkeys(found), *warmup_differences(models, scenario))


def _of_inputs(models: Mapping[Arm, Model], payload: Payload) -> tuple[Caution, ...]:
    old, new = (
        {each.key: each for each in filled_inputs(signature(models[arm], payload.signature), payload)} for arm in Arm
    )
    shared = sorted(old.keys() & new.keys())
    if not shared and (old or new):
        problem = f"the two models have no input in common ({', '.join(sorted(old))} then {', '.join(sorted(new))})"
        raise InvalidRunError(problem, _NO_SHARED_INPUT)
    for key in shared:
        before, after = (_shape(each[key], payload) for each in (old, new))
        if before != after:
            problem = f"the arms would get different requests: input {key} takes {before}, then {after}"
            raise InvalidRunError(problem, "export both with the same shapes (a fixed batch size is part of the shape)")
    changed = [change for key in shared for change in _changes(old[key].tensor, new[key].tensor)]
    changed += [f"{name} only in the baseline" for name in sorted(old.keys() - new.keys())]
    changed += [f"{name} only in the candidate" for name in sorted(new.keys() - old.keys())]
    return (CautionKind.INPUTS.caution(changes=", ".join(changed)),) if changed else ()


def _changes(old: TensorSpec, new: TensorSpec) -> Iterator[str]:
    if old.name != new.name:
        yield f"{old.name} is called {new.name} in the candidate"
    if old.dtype != new.dtype:
        yield f"{new.name} {old.dtype} then {new.dtype}"


def _shape(filled: Filled, payload: Payload) -> str:
    return shown(request_shape(filled.tensor, filled.spec, payload.batch_size))
