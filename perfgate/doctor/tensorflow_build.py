"""What the installed TensorFlow was built for, from the file that it says it in: importing it would take seconds."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

_PLACE = Path("python", "platform", "build_info.py")


def tensorflow_build() -> str | None:
    """Return `CUDA 12.5.1`, `ROCm` or `CPUs only`; None where no TensorFlow is, or it does not tell."""
    found = importlib.util.find_spec("tensorflow")
    if found is None or found.origin is None:
        return None
    try:
        return build_of((Path(found.origin).parent / _PLACE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def build_of(text: str) -> str | None:
    """Read the table `build_info` of the file; None where it has none of it."""
    told = {name: value == "True" for name, value in re.findall(r"'is_(\w+)_build', (True|False)", text)}
    if told.get("cuda"):
        version = re.search(r"'cuda_version', '([0-9.]+)'", text)
        return f"CUDA {version[1]}" if version else "CUDA"
    if told.get("rocm"):
        return "ROCm"
    return "CPUs only" if told else None
