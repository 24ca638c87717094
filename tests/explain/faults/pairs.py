"""Table of the pairs of SavedModels by which `perfgate explain` is judged; without TensorFlow.

`python -m tests.explain.faults DIR` builds them as DIR/NAME/old and DIR/NAME/new. The payload of a pair is that of its
base model's scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two SavedModels, of which the new one is worse for one known reason, or for none."""

    name: str
    base: str
    """What the pair is a change of: `ranker`, `encoder`, `convnet`, `words` (an encoder of strings) or `dense`."""
    expected: str
    """Code of the cause that should be ranked first; empty if there is none."""
    servable: bool = True
    """False if the new model has Python functions, which perfgate refuses to serve: only its graph is compared."""

    @property
    def scenario_file(self) -> Path:
        """File of the scenario under which the pair is compared."""
        return SCENARIOS / f"{self.base}.toml"


FAULTS = (
    Pair("extra_layer", "ranker", "op added"),
    Pair("wide_layer", "convnet", "shape grown"),
    Pair("float64_layer", "ranker", "dtype widened"),
    Pair("training_dropout", "encoder", "training mode"),
    Pair("double_lookup", "encoder", "embedding repeated"),
    Pair("jit_compile", "convnet", "first request slow"),
    Pair("unfolded_constant", "encoder", "folding lost"),
    Pair("broken_fusion", "convnet", "fusion lost"),
    Pair("vocabulary_lookup", "words", "string ops"),
    Pair("python_function", "ranker", "python function", servable=False),
    Pair("map_fn", "convnet", "loop"),
    Pair("big_tables", "ranker", "memory grown"),
)
"""Each is the base model with one fault."""

EQUAL = (
    Pair("re_export", "ranker", ""),
    Pair("renamed_layers", "encoder", ""),
    Pair("other_weights", "convnet", ""),
    Pair("other_scopes", "encoder", ""),
    Pair("other_numbering", "convnet", ""),
)
"""Each is the base model, exported in another way."""

VARIANTS = 20
"""Number of dense models for each share of added work."""
EQUAL_VARIANTS = 40
EQUAL_KINDS = ("re_export", "renamed", "other_weights")


@dataclass(frozen=True, slots=True)
class Variant:
    """What distinguishes a dense model from the one that it is compared with; by default nothing does."""

    added: float = 0.0
    """Share of the execution time that an added product takes, at a place chosen by `seed`."""
    seed: int = 0
    kind: str = "re_export"
    """One of EQUAL_KINDS."""


ADDED = {"dense_plus_10_permille": 0.01, "dense_plus_5_permille": 0.005}
"""Shares of the execution time of the dense model that are added, by the beginning of the pairs' names."""

_SLOWER = {f"{name}_{seed:02}": Variant(added, seed) for name, added in ADDED.items() for seed in range(VARIANTS)}
_SAME = {
    f"dense_{kind}_{seed:02}": Variant(seed=seed, kind=kind)
    for seed in range(EQUAL_VARIANTS)
    for kind in (EQUAL_KINDS[seed % len(EQUAL_KINDS)],)
}
VARIANT = _SLOWER | _SAME
"""New models of the pairs of the detector, by the name of the pair."""
SLOWER = tuple(Pair(name, "dense", "op added") for name in _SLOWER)
SAME = tuple(Pair(name, "dense", "") for name in _SAME)

GROUPS = {"faults": FAULTS, "equal": EQUAL, "slower": SLOWER, "same": SAME}
PAIRS = {pair.name: pair for group in GROUPS.values() for pair in group}
