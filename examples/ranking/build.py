"""Train and export a small ranking model, such as one that orders a feed: versions `v1`, `v1-again` and `v2`.

`v1-again` has the weights of `v1`, exported a second time; `v2` has a deeper item tower and does about a fifth
more work. The same seed on the same machine gives the same weights.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np

COUNTRIES = ("US", "GB", "DE", "FR", "IN", "BR", "JP", "NG")
ITEMS = 10_000
ITEMS_PER_REQUEST = 20
DENSE_FEATURES = 16
EMBEDDING_WIDTH = 64

TOWERS = {"v1": (256,) * 4, "v2": (256,) * 5 + (192,)}
"""Widths of the layers applied to every item, which take most of the execution time."""
EXPORTS = {"v1": ("v1", "v1-again"), "v2": ("v2",)}
"""The directories to which each trained network is exported."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the weights depend on, apart from this file and the version of TensorFlow."""

    seed: int = 17
    examples: int = 8_192
    epochs: int = 3
    batch_size: int = 256


def clicks(settings: Settings) -> tuple[dict[str, Any], Any]:
    """Generate impressions and their clicks, which depend on item quality, user features and country."""
    rng = np.random.default_rng(settings.seed)
    shape = (settings.examples, ITEMS_PER_REQUEST)
    item_ids = (ITEMS * rng.random(shape) ** 3).astype(np.int64)  # a few items get most of the traffic
    dense = rng.normal(size=(settings.examples, DENSE_FEATURES)).astype(np.float32)
    country = rng.integers(len(COUNTRIES), size=settings.examples)
    logit = (
        rng.normal(size=ITEMS)[item_ids].sum(axis=1) / np.sqrt(ITEMS_PER_REQUEST)
        + dense @ rng.normal(size=DENSE_FEATURES) / np.sqrt(DENSE_FEATURES)
        + rng.normal(size=len(COUNTRIES))[country]
    )
    clicked = rng.random(settings.examples) < 1 / (1 + np.exp(-2 * logit))
    features = {"item_ids": item_ids, "dense": dense, "country": np.array(COUNTRIES)[country]}
    return features, clicked.astype(np.float32)[:, None]


def network(tower: tuple[int, ...]) -> Any:  # noqa: ANN401 - Keras has no type annotations
    """Build the untrained network: an item tower with attention pooling, user features, and an MLP on top."""
    import keras  # noqa: PLC0415 - TensorFlow is not needed if the build is up to date
    from keras import layers  # noqa: PLC0415

    item_ids = keras.Input((ITEMS_PER_REQUEST,), dtype="int64", name="item_ids")
    dense = keras.Input((DENSE_FEATURES,), dtype="float32", name="dense")
    country = keras.Input((), dtype="string", name="country")

    item = layers.Embedding(ITEMS, EMBEDDING_WIDTH, name="item_tower_embedding")(item_ids)
    for index, width in enumerate(tower):
        item = layers.Dense(width, "relu", name=f"item_tower_{index}")(item)
    attention = layers.Softmax(axis=1, name="attention")(layers.Dense(1, name="attention_score")(item))
    context = layers.Embedding(ITEMS, EMBEDDING_WIDTH, name="item_context_embedding")(item_ids)
    feed = layers.Dot(axes=1, name="pooled_items")([attention, layers.Concatenate(name="items")([item, context])])
    feed = layers.Flatten(name="feed")(feed)

    where = layers.StringLookup(vocabulary=list(COUNTRIES), name="country_index")(country)
    where = layers.Embedding(len(COUNTRIES) + 1, 16, name="country_embedding")(where)
    who = layers.Dense(64, "relu", name="user_features")(dense)

    top = layers.Concatenate(name="features")([feed, who, where])
    for width in (512, 256):
        top = layers.Dense(width, "relu", name=f"mlp_{width}")(top)
    probability = layers.Dense(1, "sigmoid", name="click_probability")(top)
    inputs = {"item_ids": item_ids, "dense": dense, "country": country}
    return keras.Model(inputs, {"click_probability": probability})


def train(tower: tuple[int, ...], settings: Settings) -> tuple[Any, list[float]]:
    """Train on the generated clicks; return the network and the mean loss of each epoch."""
    import keras  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415

    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    ranker = network(tower)
    ranker.compile(optimizer=keras.optimizers.Adam(2e-3), loss="binary_crossentropy", jit_compile=False)
    batches = tf.data.Dataset.from_tensor_slices(clicks(settings)).batch(settings.batch_size)
    losses = ranker.fit(batches, epochs=settings.epochs, verbose=0).history["loss"]
    return ranker, [float(loss) for loss in losses]


def weights_digest(ranker: Any) -> str:  # noqa: ANN401 - Keras has no type annotations
    """Return the SHA-256 of the names and values of all weights."""
    digest = hashlib.sha256()
    for weight in ranker.weights:
        digest.update(weight.path.encode())
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()


def export(ranker: Any, target: Path) -> None:  # noqa: ANN401 - Keras has no type annotations
    """Write a SavedModel atomically."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        written = Path(scratch, target.name)
        ranker.export(written, verbose=False)
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)


def build(out: Path, settings: Settings) -> dict[str, Any]:
    """Train and export all versions into `out`; return the weights' digest and the losses of each network."""
    out.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, tower in TOWERS.items():
        ranker, losses = train(tower, settings)
        for directory in EXPORTS[name]:
            export(ranker, out / directory)
        made[name] = {"weights": weights_digest(ranker), "losses": losses}
    return made


def recipe(settings: Settings) -> dict[str, Any]:
    """Return everything that determines what a build writes."""
    source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return {**asdict(settings), "source": source, "tensorflow": version("tensorflow"), "keras": version("keras")}


def up_to_date(out: Path, wanted: dict[str, Any]) -> bool:
    """Return whether `out` contains a finished build of this recipe."""
    with contextlib.suppress(OSError, ValueError):
        there = all((out / name / "saved_model.pb").is_file() for names in EXPORTS.values() for name in names)
        return there and json.loads((out / "stamp.json").read_text())["recipe"] == wanted
    return False


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Capture what TensorFlow's libraries write to stderr, and show it only if an error occurs."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"  # not enough alone: lines written before the logger starts ignore it
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path(".cache/models"), show_default=True)
@click.option("--seed", default=Settings().seed, show_default=True)
@click.option("--force", is_flag=True, help="Build even when the models are there already.")
def main(out: Path, seed: int, *, force: bool) -> None:
    """Build the ranking models in OUT/ranking/: v1, v1-again and v2."""
    settings = Settings(seed=seed)
    base, stamp = out / "ranking", out / "ranking" / "stamp.json"
    if not force and up_to_date(base, recipe(settings)):
        click.echo(f"{base}: up to date")
        return
    stamp.unlink(missing_ok=True)
    with quiet():
        made = build(base, settings)
    stamp.write_text(json.dumps({"recipe": recipe(settings), "networks": made}, indent=2) + "\n")
    for name, facts in made.items():
        losses = " -> ".join(f"{loss:.3f}" for loss in facts["losses"])
        click.echo(f"{name}: loss {losses}, weights {facts['weights'][:12]}, in {', '.join(EXPORTS[name])}")


if __name__ == "__main__":
    main()
