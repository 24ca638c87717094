"""Fleets of the example family: v1 against copies that are equal, or about a fifth slower."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MODELS = Path(".cache/models/ranking")
EQUAL, SLOWER = ("v1", "v1-again"), "v2"


def make_fleet(out: Path, count: int, slower: int, head: str, defaults: str) -> tuple[Path, frozenset[str]]:
    """Write models and a fleet file to a directory; return the file, and the names of the slower models.

    Files are linked, not copied. The slower models are spread evenly, so that no order helps.
    """
    slow = {round((place + 0.5) * count / slower) for place in range(slower)}
    names = frozenset(f"model-{number:02d}" for number in slow)
    for number in range(count):
        name = f"model-{number:02d}"
        source = MODELS / (SLOWER if name in names else EQUAL[number % len(EQUAL)])
        target = out / "models" / name
        if not target.exists():
            shutil.copytree(source, target, copy_function=os.link)
    scenario, released = Path("scenarios/ranking.toml").absolute(), (MODELS / "v1").absolute()
    file = out / "fleet.toml"
    file.write_text(
        f'{head}\n[defaults]\nscenarios = ["{scenario}"]\n{defaults}\n\n'
        f'[[models]]\nmodel = "models/*"\nagainst = "{released}"\n',
        encoding="utf-8",
    )
    return file, names
