"""Build the models of the operating curve: equal ones, and ones that are worse by a known amount in one respect.

Each family is one network whose steps take the same time each, so that a share more steps is a share more execution
time. Run as `python -m benchmarks.operating_curve.models`; models that are up to date are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from benchmarks.operating_curve.recipe import Recipe
from benchmarks.operating_curve.recipes import RECIPES

HOME = Path(".cache/models/curve")
_STAMP = "stamp.json"
_HERE = Path(__file__).parent


def export(recipe: Recipe, target: Path) -> None:
    """Write a SavedModel; the directory appears atomically."""
    import tensorflow as tf  # noqa: PLC0415 - a build that is up to date needs no TensorFlow

    module = import_module(f"benchmarks.operating_curve.families.{recipe.family}").network(recipe)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        written = Path(scratch, target.name)
        tf.saved_model.save(module, str(written), signatures={"serving_default": module.score})
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)


def recipe_of_all() -> dict[str, Any]:
    """Return everything that determines a build's content."""
    files = (_HERE / "models.py", _HERE / "recipe.py", _HERE / "recipes.py", *sorted((_HERE / "families").glob("*.py")))
    source = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return {"source": source, "tensorflow": version("tensorflow")}


def up_to_date(home: Path) -> bool:
    """Return whether a finished build of these recipes exists."""
    with contextlib.suppress(OSError, ValueError):
        there = all((home / name / "saved_model.pb").is_file() for name in RECIPES)
        return there and json.loads((home / _STAMP).read_text())["recipe"] == recipe_of_all()
    return False


@click.command()
@click.option("--home", type=click.Path(path_type=Path), default=HOME, show_default=True)
def main(home: Path) -> None:
    """Build all models into HOME."""
    if up_to_date(home):
        return
    (home / _STAMP).unlink(missing_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    for name, recipe in RECIPES.items():
        export(recipe, home / name)
    (home / _STAMP).write_text(json.dumps({"recipe": recipe_of_all()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
