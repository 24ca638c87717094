"""`python -m benchmarks.plan.train ARCHITECTURE DIRECTORY`: train one architecture, and export it as a SavedModel."""

from __future__ import annotations

import os
import sys

import numpy as np

EPOCHS = 6


def main(name: str, directory: str) -> None:
    """Train until the loss has fallen, and write the SavedModel and, beside it, the training's loss."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from benchmarks.plan import architectures

    keras.utils.set_random_seed(1)
    model = getattr(architectures, name)()
    inputs, labels = architectures.data_for(model, np.random.default_rng(1))
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
    losses = model.fit(inputs, labels, batch_size=64, epochs=EPOCHS, verbose=0).history["loss"]
    model.export(directory, verbose=False)
    print(f"{name}: loss {losses[0]:.3f} -> {losses[-1]:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
