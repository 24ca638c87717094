"""TensorFlow's modules without its public namespace, which takes three quarters of its import time."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_PLUGINS = "tensorflow-plugins"
"""A directory beside the package with devices and kernels, which `tensorflow/__init__.py` loads."""


def leave_out_namespace() -> bool:
    """Make `tensorflow.core` and `tensorflow.python` importable without running `tensorflow/__init__.py`.

    That file imports 2,600 modules that no session needs, such as Keras and tf.data. Only for processes that run
    nothing but our code: `tensorflow` has no attributes then. Returns False, and changes nothing, if TensorFlow is
    already imported, is not installed, or has plugins, which that file loads.
    """
    if "tensorflow" in sys.modules or (spec := importlib.util.find_spec("tensorflow")) is None:
        return False
    homes = [Path(home) for home in spec.submodule_search_locations or ()]
    if any((home.parent / _PLUGINS).exists() for home in homes):
        return False
    sys.modules["tensorflow"] = importlib.util.module_from_spec(spec)
    return True
