"""What the installed TensorFlow was built for, read from a file, because importing it would take seconds."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

_PLACE = Path("python", "platform", "build_info.py")


def tensorflow_build() -> str | None:
    """Return `CUDA 12.5.1`, `ROCm` or `CPUs only`; None if TensorFlow is missing, or does not say."""
    found = importlib.util.find_spec("tensorflow")
    if found is None or found.origin is None:
        return None
    try:
        return build_of((Path(found.origin).parent / _PLACE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def build_of(text: str) -> str | None:
    """Parse the file's table `build_info`; None if it has none."""
    flags = {name: value == "True" for name, value in re.findall(r"'is_(\w+)_build', (True|False)", text)}
    if flags.get("cuda"):
        version = re.search(r"'cuda_version', '([0-9.]+)'", text)
        return f"CUDA {version[1]}" if version else "CUDA"
    if flags.get("rocm"):
        return "ROCm"
    return "CPUs only" if flags else None
