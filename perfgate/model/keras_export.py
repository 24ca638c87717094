"""Export a `.keras` file as a SavedModel: `python -m perfgate.model.keras_export SRC DST`, in a process of its own.

On failure the exit code is 1 and the last line on stderr says why.
"""

from __future__ import annotations

import os
import sys


def main(source: str, destination: str) -> int:
    """Load and export; the exit code says whether it worked."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the only backend that writes SavedModels without jax2tf
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import keras  # noqa: PLC0415  # takes seconds, and reads the variables above

        keras.saving.load_model(source, compile=False).export(destination, verbose=False)
    except Exception as error:  # noqa: BLE001  # any error of Keras is the answer
        reason = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        print(f"\n{type(error).__name__}: {reason.strip()}", file=sys.stderr)  # noqa: T201  # stderr carries the answer
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
