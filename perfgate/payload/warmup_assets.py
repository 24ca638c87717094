"""The requests that a model carries for its own warm-up, in `assets.extra`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perfgate.cautions import CautionKind
from perfgate.errors import UsageError
from perfgate.model.digest import file_sha256
from perfgate.model.interface import Model
from perfgate.payload.prediction_log import kinds_in
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm, Caution

PLACE = Path("assets.extra", "tf_serving_warmup_requests")
"""Below the SavedModel directory: tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc."""


def warmup_file(model: Model) -> Path:
    """Return the file; UsageError if the model has none."""
    file = model.path / PLACE
    if not file.is_file():
        raise UsageError(f"{model.given} has no warm-up requests: no {PLACE}", "use another payload.source")
    return file


def warmup_digest(model: Model) -> str | None:
    """Digest the file, as `sha256:…`; None if the model has none, UsageError if it cannot be read."""
    file = model.path / PLACE
    try:
        return f"sha256:{file_sha256(file)}" if file.is_file() else None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}", "check its permissions") from error


def recorded_contents(model: Model, scenario: Scenario) -> dict[str, str]:
    """Digest the part of a model from which a scenario's requests are taken; nothing for other sources."""
    asked = any(payload.source == "warmup_assets" for _, _, payload in scenario.request_classes())
    digest = warmup_digest(model) if asked else None
    return {} if digest is None else {"warmup_assets": digest}


def warmup_kinds(model: Model) -> tuple[tuple[str, int], ...]:
    """Count the records by kind, such as `predict_log`; none if the model has no file, UsageError if it is damaged."""
    file = model.path / PLACE
    return kinds_in(file) if file.is_file() else ()


def warmup_source(models: Mapping[Arm, Model]) -> Model | None:
    """Return the model whose requests both arms get: the candidate, or the only one."""
    return models.get(Arm.CANDIDATE) or next(iter(models.values()), None)


def warmup_differences(models: Mapping[Arm, Model], scenario: Scenario) -> tuple[Caution, ...]:
    """Warn if the arms' own requests differ and the scenario sends them."""
    asked = any(payload.source == "warmup_assets" for _, _, payload in scenario.request_classes())
    if not asked or len({warmup_digest(model) for model in models.values()}) == 1:
        return ()
    return (CautionKind.WARMUP_ASSETS.caution(),)
