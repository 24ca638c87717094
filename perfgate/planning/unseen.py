"""What decides how fast a trained model is, and that random weights or random requests cannot show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from perfgate.formatting import given
from perfgate.model.interface import Model, Signature
from perfgate.planning.answer import Unseen
from perfgate.scenario.schema import InputSpec, Scenario

_LOOPS = {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase", "Switch", "LoopCond"}
_VOCABULARIES = {
    "HashTableV2", "LookupTableFindV2", "MutableHashTableV2", "StringToHashBucketFast", "StringToHashBucketStrong",
    "StringToHashBucket", "StaticRegexReplace", "StringSplitV2",
}  # fmt: skip
_BY_VALUE = {"Erf", "Erfc", "Lgamma", "Digamma"}
"""Measured: `Erfc` of an exact GELU took 1.3 and 3.5 times as long after training (docs/explanation/plan-rates.md)."""
_SPARSE = ("Sparse", "Ragged")
_SIZED_BY_DATA = {"Where", "Unique", "UniqueV2", "NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5",
                  "DynamicPartition"}  # fmt: skip


def unseen_of(
    model: Model, signature: Signature, scenario: Scenario, cardinalities: Mapping[str, int]
) -> tuple[Unseen, ...]:
    """Return what the answer rests on without having seen it; for requests recorded from users, only the weights."""
    random = [payload for _, _, payload in scenario.request_classes() if payload.source == "signature"]
    specs = dict(random[0].inputs) if random else {}
    requests = (*_skew(specs, cardinalities), *_words(model, signature), *_lengths(signature, scenario))
    return (*(requests if random else ()), *_weights({op for op, _ in model.ops}))


def _skew(specs: Mapping[str, InputSpec], cardinalities: Mapping[str, int]) -> Iterator[Unseen]:
    uniform = [name for name in cardinalities if _spec(specs, name).distribution != "zipf"]
    skewed = {name: _spec(specs, name).exponent for name in cardinalities if name not in uniform}
    if uniform:
        named, first = _listed(uniform), uniform[0]
        yield Unseen(
            "embedding skew",
            f"ids of {named} are equally frequent here; users ask for a few of them most of the time, whose rows stay "
            "in the CPU's caches",
            f'set distribution = "zipf" under [payload.inputs.{first}]',
        )
    if skewed:
        shown = ", ".join(f"{name} with exponent {given(exponent)}" for name, exponent in skewed.items())
        yield Unseen("embedding skew", f"ids follow Zipf's law, as the scenario says ({shown}): is it your users'?", "")


def _words(model: Model, signature: Signature) -> Iterator[Unseen]:
    strings = [tensor.name for tensor in signature.inputs if tensor.dtype == "string"]
    if strings or any(op in _VOCABULARIES for op, _ in model.ops):
        inputs = f" of {_listed(strings)}" if strings else ""
        yield Unseen(
            "vocabularies",
            f"the words{inputs} are made up: how many are known, and how long they are, decides how long lookups take",
            f"set vocabulary under [payload.inputs.{strings[0]}]" if strings else "record requests of your users",
        )


def _lengths(signature: Signature, scenario: Scenario) -> Iterator[Unseen]:
    open_shapes = [
        tensor.name
        for tensor in signature.inputs
        if tensor.shape is None or any(size is None for size in tensor.shape[1:])
    ]
    if open_shapes and len(scenario.request_classes()) == 1:
        yield Unseen(
            "sequence lengths",
            f"all requests have one length of {_listed(open_shapes)}; long ones take longer, those that attend to "
            "everything by the square",
            "describe several lengths with [classes]",
        )


def _weights(ops: set[str]) -> Iterator[Unseen]:
    if ops & _LOOPS:
        yield Unseen(
            "early exits",
            "the graph has loops or branches: how often they run may depend on trained weights",
            "",
        )
    if ops & _SIZED_BY_DATA:
        yield Unseen(
            "sizes that depend on data",
            "the graph has tensors whose size depends on values (such as boxes that remain): trained weights may make "
            "them larger or smaller",
            "",
        )
    if slow := sorted(ops & _BY_VALUE):
        yield Unseen(
            "values",
            f"{_listed(slow)} takes longer for some values than for others; random weights keep values near 0, where "
            "it is fast",
            "use the approximate GELU, or expect a few percent more after training",
        )
    if any(op.startswith(_SPARSE) for op in ops):
        yield Unseen(
            "sparsity",
            "the graph has sparse operations, whose time depends on how many values are not zero",
            "record requests of your users",
        )
    else:
        yield Unseen(
            "sparsity",
            "weights or activations that training makes zero save nothing: dense operations multiply zeros too",
            "",
        )
    yield Unseen(
        "denormals",
        "numbers very close to zero, which training may leave, are slow on CPUs; TensorFlow takes them for zero, so "
        "they are not expected to cost time",
        "",
    )


def _spec(specs: Mapping[str, InputSpec], name: str) -> InputSpec:
    found = (spec for key, spec in specs.items() if key != name and fnmatchcase(name, key))
    return specs.get(name) or next(found, InputSpec())


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
