"""Write the payload files: 16 requests of one row each, in which the input `length` says how much more work one is.

Run as `python -m benchmarks.operating_curve.payloads`; the files are kept beside the scenarios that name them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.operating_curve.families.recurrent import WIDTH

HOME = Path(__file__).parent / "scenarios" / "payloads"
REQUESTS = 16
UNEVEN_STEPS = (0, 0, 5, 10, 20, 40, 70, 110, 170, 260, 400, 600, 900, 1500, 2500, 5000)
"""Further steps of a request in `uneven`."""


def _heavy(*places: int) -> tuple[int, ...]:
    return tuple(int(place in places) for place in range(REQUESTS))


FILES: dict[str, tuple[int, ...]] = {
    "two_of_16": _heavy(3, 11),
    "one_of_16": _heavy(6),
    # Neither in order of cost nor heavy ones side by side.
    "uneven": tuple(UNEVEN_STEPS[7 * place % REQUESTS] for place in range(REQUESTS)),
}
"""File to the `length` of each request."""


def text(lengths: tuple[int, ...]) -> str:
    """Write requests as TF-Serving's REST API takes them, one a line; equal lengths give equal text."""
    rng = np.random.default_rng(len(lengths))
    rows = ({"features": rng.integers(-9, 10, WIDTH).tolist(), "length": length} for length in lengths)
    return "".join(json.dumps({"instances": [row]}) + "\n" for row in rows)


def main() -> None:
    """Write all files."""
    HOME.mkdir(exist_ok=True)
    for name, lengths in FILES.items():
        (HOME / f"{name}.json").write_text(text(lengths), encoding="utf-8")


if __name__ == "__main__":
    main()
