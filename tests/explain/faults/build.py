"""Build pairs of models by their names, all in this process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras

from tests.explain.faults import convnet, dense, encoder, ranker
from tests.explain.faults.export import SEED, renamed, seeded, with_weights_of, write
from tests.explain.faults.pairs import VARIANT, Pair, Variant

NETWORKS: dict[str, Callable[..., Any]] = {
    "ranker": ranker.network,
    "encoder": encoder.network,
    "words": partial(encoder.network, words=True),
    "convnet": convnet.network,
}


def build(pair: Pair, home: Path) -> None:
    """Write HOME/NAME/old and new; the pair's directory appears when both are whole."""
    if (home / pair.name).is_dir():
        return
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".build-") as scratch:
        made = Path(scratch, pair.name)
        made.mkdir()
        if pair.base == "dense":
            _dense(pair, home, made)
        else:
            _keras(pair, made)
        made.rename(home / pair.name)


def _keras(pair: Pair, made: Path) -> None:
    network = NETWORKS[pair.base]
    if pair.expected:
        old = seeded(network)
        write(old, made / "old")
        new = with_weights_of(old, seeded(partial(network, pair.name)))
        write(new, made / "new", training=pair.expected == "training mode")
    else:
        _EQUAL[pair.name](network, made)


def _re_export(network: Callable[..., Any], made: Path) -> None:
    model = seeded(network)
    write(model, made / "old")
    write(model, made / "new")


def _renamed_layers(network: Callable[..., Any], made: Path) -> None:
    model = seeded(network)
    write(model, made / "old")
    write(renamed(model, "text_{}_layer".format), made / "new")


def _other_weights(network: Callable[..., Any], made: Path) -> None:
    write(seeded(network), made / "old")
    write(seeded(network, SEED + 1), made / "new")


def _other_scopes(network: Callable[..., Any], made: Path) -> None:
    model = seeded(network)
    write(model, made / "old")
    write(model, made / "new", scope="serving/tower_b")


def _other_numbering(network: Callable[..., Any], made: Path) -> None:
    """Let Keras number the layers, in a fresh session and in one that had other networks before."""
    model = seeded(network)
    write(seeded(lambda: renamed(model, lambda _: None)), made / "old")

    def late() -> Any:
        for _ in range(3):
            renamed(model, lambda _: None)
        for _ in range(9):
            keras.layers.Dense(1)
        return renamed(model, lambda _: None)

    write(seeded(late), made / "new")


_EQUAL = {
    "re_export": _re_export,
    "renamed_layers": _renamed_layers,
    "other_weights": _other_weights,
    "other_scopes": _other_scopes,
    "other_numbering": _other_numbering,
}


def _dense(pair: Pair, home: Path, made: Path) -> None:
    """Link the one old model of all these pairs, and write the new one."""
    old = home / ".dense"
    if not old.is_dir():
        dense.write(Variant(), old)
    shutil.copytree(old, made / "old", copy_function=_link)
    dense.write(VARIANT[pair.name], made / "new")


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
