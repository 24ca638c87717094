"""Write the payload files: 16 requests of one row each, in which the input `length` determines the additional work.

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
"""Additional steps of a request in `uneven`."""


def _heavy(*places: int) -> tuple[int, ...]:
    return tuple(int(place in places) for place in range(REQUESTS))


FILES: dict[str, tuple[int, ...]] = {
    "two_of_16": _heavy(3, 11),
    "one_of_16": _heavy(6),
    # Not in order of cost, and without adjacent heavy ones.
    "uneven": tuple(UNEVEN_STEPS[7 * place % REQUESTS] for place in range(REQUESTS)),
}
"""The `length` of each request, by file."""


def text(lengths: tuple[int, ...]) -> str:
    """Write requests for TF-Serving's REST API, one a line; equal lengths give equal text."""
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
