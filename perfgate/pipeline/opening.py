"""MODEL arguments opened as a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from perfgate.errors import UsageError
from perfgate.model.interface import Signature
from perfgate.model.saved_model import open_model
from perfgate.pipeline.comparison import Comparison, comparison_of
from perfgate.scenario.schema import Scenario
from perfgate.serving.command import check_command
from perfgate.serving.description import describe_endpoint
from perfgate.serving.endpoint import subjects_of
from perfgate.serving.endpoint_url import EndpointUrl, is_endpoint, parse_endpoint
from perfgate.serving.signature_defs import written_signatures
from perfgate.trials import Arm

COMMAND_REPLICAS = 4
"""Default replicas of an arm: each external server is started on its own, and has the memory to itself."""


def open_arms(
    scenario: Scenario,
    given: Mapping[Arm, str],
    pids: Sequence[int],
    cache_dir: Path,
    scenario_given: str | None = None,
) -> Comparison:
    """Open each arm's MODEL, a directory, a file, or the URL of a running server; UsageError where they do not fit.

    `pids`: processes of running servers, in order. `scenario_given`: the scenario as the user named it.
    """
    urls = {arm: parse_endpoint(each) for arm, each in given.items() if is_endpoint(each)}
    if urls:
        return _open_endpoints(scenario, given, urls, pids, cache_dir, scenario_given)
    if scenario.target.signature_from or written_signatures(scenario):
        raise UsageError(
            "signatures are read from the models themselves",
            "remove --signature-from (target.signature_from) and payload.signature_def",
        )
    if pids:
        raise UsageError("--pid is for running servers", "remove it, or give the model as grpc://HOST:PORT/NAME")
    if scenario.target.kind == "endpoint":
        named = ", ".join(given.values())
        raise UsageError(f'{named}: the scenario\'s target is "endpoint"', "give the model as grpc://HOST:PORT/NAME")
    if scenario.target.kind == "command":
        check_command(scenario.target)
        scenario = _with_few_replicas(scenario)
    models = {arm: open_model(each, cache_dir) for arm, each in given.items()}
    return comparison_of(scenario, models, scenario_given=scenario_given)


def _with_few_replicas(scenario: Scenario) -> Scenario:
    if "replicas" in scenario.budget.model_fields_set:
        return scenario
    return scenario.model_copy(
        update={"budget": scenario.budget.model_copy(update={"replicas": COMMAND_REPLICAS, "parents": 1})}
    )


def _open_endpoints(  # noqa: PLR0913, PLR0917 - as open_arms
    scenario: Scenario,
    given: Mapping[Arm, str],
    urls: Mapping[Arm, EndpointUrl],
    pids: Sequence[int],
    cache_dir: Path,
    scenario_given: str | None,
) -> Comparison:
    if others := [each for arm, each in given.items() if arm not in urls]:
        raise UsageError(
            f"{others[0]} is a model on disk, but the other one is a running server",
            "use two running servers (start one with `perfgate serve`) or two models on disk",
        )
    url, *more = urls.values()
    if any((other.protocol, len(other.addresses)) != (url.protocol, len(url.addresses)) for other in more):
        raise UsageError(
            "the two URLs differ in protocol or in the number of servers",
            "use the same protocol and the same number of servers for both arms",
        )
    target = scenario.target.model_copy(
        update={"kind": "endpoint", "protocol": url.protocol, "model_name": urls[Arm.CANDIDATE].model_name}
    )
    budget = scenario.budget.model_copy(update={"replicas": len(url.addresses), "parents": 1})
    subjects, left = {}, list(pids)
    for each in urls.values():
        mine, left = left[: len(each.addresses)], left[len(each.addresses) :]
        subjects[each] = subjects_of(each, target, mine)
    if left:
        raise UsageError(f"{len(pids)} --pid options, but fewer servers", "give one --pid per address, in order")
    signatures = _named_signatures(scenario, cache_dir)
    models = {arm: describe_endpoint(each, target, signatures) for arm, each in given.items()}
    scenario = scenario.model_copy(update={"target": target, "budget": budget})
    return comparison_of(scenario, models, subjects, scenario_given)


def _named_signatures(scenario: Scenario, cache_dir: Path) -> tuple[Signature, ...] | None:
    """Return the signatures that the scenario names, so that no server is asked for them; None if it names none."""
    if (written := written_signatures(scenario)) and scenario.target.signature_from:
        raise UsageError(
            "payload.signature_def and --signature-from (target.signature_from) cannot be used together",
            "remove one of them",
        )
    if written:
        return written
    return open_model(scenario.target.signature_from, cache_dir).signatures if scenario.target.signature_from else None
