"""The models by name: equal ones, and ones that are worse by a known amount in one respect."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.operating_curve.recipe import Family, Recipe

STEPS = {Family.RECURRENT: 220, Family.RANKER: 42, Family.CONVOLUTIONAL: 106, Family.TRANSFORMER: 46}
"""Steps of the model with which a family's others are compared."""
STEPS_OF_A_REQUEST = {Family.RECURRENT: 320, Family.RANKER: 100, Family.CONVOLUTIONAL: 200, Family.TRANSFORMER: 100}
"""Duration of a whole execution in steps; the rest of the model accounts for the difference."""
_BRIEF_STEPS = 40
"""Steps of models that answer many requests: a leak shows after some thousands."""
_LEAK_BYTES = 1024
_EXTRA_MIB = 50
_UNEVEN_STEPS = 10
"""Steps of the cheapest request in `uneven`; the others' additional steps are in `payloads/uneven.json`."""


def _more(family: Family, share: float) -> Recipe:
    return Recipe(STEPS[family] + round(share * STEPS_OF_A_REQUEST[family]), family)


def _family(family: Family) -> dict[str, Recipe]:
    """Return the models of every family; `plus_50` is for measuring the duration of a step."""
    base = Recipe(STEPS[family], family)
    percents = (1, 2, 5, 10, 50) if family is Family.CONVOLUTIONAL else (2, 5, 10, 50)
    shares = {f"plus_{percent}": _more(family, percent / 100) for percent in percents}
    equal = {"base": base, "again": base, "renamed": replace(base, renamed=True), "weights": replace(base, seed=2)}
    return {model_name(family, name): recipe for name, recipe in (equal | shares).items()}


def model_name(family: Family, name: str) -> str:
    """Return the name of a family's model; the recurrent ones, which are older, have no prefix."""
    return name if family is Family.RECURRENT else f"{family}_{name}"


_BASE = Recipe(STEPS[Family.RECURRENT])


def _heavy(times: float) -> int:
    """Return the number of additional steps that makes an execution take `times` as long."""
    return round((times - 1) * STEPS_OF_A_REQUEST[Family.RECURRENT])


RECIPES: dict[str, Recipe] = {name: recipe for family in Family for name, recipe in _family(family).items()} | {
    "plus_tau": _more(Family.RECURRENT, 0.025),
    "even": replace(_BASE, switch=True),
    "tail": replace(_BASE, switch=True, heavy_steps=_heavy(5)),
    "heavy": replace(_BASE, switch=True, heavy_steps=_heavy(2.5)),
    "even_by_chance": replace(_BASE, random_share=0.0, heavy_steps=_heavy(3)),
    "random_tenth": replace(_BASE, random_share=0.1, heavy_steps=_heavy(3)),
    "uneven": Recipe(_UNEVEN_STEPS, switch=True, heavy_steps=1),
    "uneven_again": Recipe(_UNEVEN_STEPS, switch=True, heavy_steps=1),
    "brief": Recipe(_BRIEF_STEPS),
    "leak": Recipe(_BRIEF_STEPS, leak_bytes=_LEAK_BYTES),
    "plus_50mib": replace(_BASE, extra_mib=_EXTRA_MIB),
    "slow_load": replace(_BASE, load_products=450),
    "quick_first": replace(_BASE, first_products=0),
    "slow_first": replace(_BASE, first_products=2000),
}
"""The model in each directory."""
