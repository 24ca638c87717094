"""From a model and a scenario to the requests that are sent, made once, before the clock starts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from perfgate.errors import UsageError
from perfgate.model.interface import Model, ServedAs
from perfgate.payload.examples import example_calls
from perfgate.payload.interface import RecordedPayload
from perfgate.payload.json_file import json_calls
from perfgate.payload.npz_file import npz_calls
from perfgate.payload.order import cycle_order
from perfgate.payload.prediction_log import logged_calls
from perfgate.payload.random_requests import random_calls
from perfgate.payload.requests import addressed, predict_signature, prefixed_errors
from perfgate.payload.warmup_assets import warmup_file
from perfgate.scenario.schema import Payload, Scenario
from perfgate.trials import Call

_MOST_CLASSES = 127
"""`Requests.kind` is an int8."""
_FROM_FILE = {"prediction_log": logged_calls, "examples": example_calls, "json": json_calls, "npz": npz_calls}


def record_scenario(model: Model, scenario: Scenario, seed: int, warmup_of: Model | None = None) -> RecordedPayload:
    """Make the scenario's requests for a model; equal arguments give equal bytes in equal order.

    `warmup_of` is the model whose warm-up requests are sent if the scenario asks for those, by default the model
    itself. `seed` is 0 or more. UsageError, naming file and record, for anything that does not fit the model.
    """
    classes, served_as = scenario.request_classes(), model.served_as or ServedAs(scenario.target.model_name)
    if len(classes) > _MOST_CLASSES:
        raise UsageError(f"too many request classes: {len(classes)}", f"use at most {_MOST_CLASSES}")
    calls: list[Call] = []
    sizes: list[int] = []
    for kind, (name, _, spec) in enumerate(classes):
        with prefixed_errors(f"class {name}") if name else nullcontext():
            made = _calls(model, spec, seed, served_as.name, name, warmup_of or model)
            own = [replace(addressed(call, served_as), kind=kind) for call in made]
            if not own:
                raise UsageError(
                    f"{_file(spec, warmup_of or model)} is empty: it contains no requests", "use another file"
                )
        calls += own
        sizes.append(len(own))
    order = cycle_order([weight for _, weight, _ in classes], sizes, seed)
    return RecordedPayload(tuple(calls), order, tuple(name for name, _, _ in classes), payload_digest(calls, order))


def _calls(  # noqa: PLR0913, PLR0917 - everything that determines a class's requests
    model: Model, spec: Payload, seed: int, model_name: str, class_name: str, warmup_of: Model
) -> Iterator[Call]:
    if spec.source == "signature":
        return random_calls(predict_signature(model, spec.signature), spec, seed, model_name, class_name)
    if spec.inputs and not class_name:  # a class may inherit them from [payload], where others need them
        problem = f'payload.inputs cannot be used with source = "{spec.source}", which provides the inputs'
        raise UsageError(problem, "remove one of them")
    file = _file(spec, warmup_of)
    if spec.source == "warmup_assets":
        return logged_calls(file, model, spec, model_name)
    return _FROM_FILE[spec.source](file, model, spec, model_name)


def _file(spec: Payload, warmup_of: Model) -> Path:
    return Path(spec.file) if spec.file is not None else warmup_file(warmup_of)


def payload_digest(calls: Iterable[Call], order: Sequence[int]) -> str:
    """Digest all calls, by method, length and bytes, and their order, as `sha256:…`."""
    whole = hashlib.sha256()
    for call in calls:
        method = call.method.value.encode()
        whole.update(bytes([len(method)]) + method + len(call.body).to_bytes(8, "little") + call.body)
    whole.update(b"\0" + len(order).to_bytes(8, "little"))
    for index in order:
        whole.update(index.to_bytes(8, "little"))
    return f"sha256:{whole.hexdigest()}"
