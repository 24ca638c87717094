"""A statistical performance gate for TensorFlow models; stored runs in Python.

`perfgate.load("reports/RUN")` returns a `Run`: its verdict, its metrics as a pandas frame, its trials and samples, and
`judge` to judge it again; `perfgate.compare(before, run)` compares the candidates of two of them.
"""

from typing import TYPE_CHECKING, Any

from perfgate.version import __version__

if TYPE_CHECKING:
    from perfgate.api import Run, compare, load

__all__ = ["Run", "__version__", "compare", "load"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - of a module
    """Import what a stored run needs only when it is used: the command line must answer --help at once."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from perfgate import api  # noqa: PLC0415

    return getattr(api, name)
