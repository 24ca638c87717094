"""`perfgate inspect`: a model's description, or how it differs from another, without loading it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli.completing import paths
from perfgate.cli.consoles import output_console
from perfgate.errors import UsageError
from perfgate.formatting import with_unit

if TYPE_CHECKING:
    from rich.console import Console

    from perfgate.model.interface import Model, Signature

_OPS_SHOWN = 10


@click.command("inspect")
@click.argument("model", shell_complete=paths)
@click.option("--diff", "other", metavar="OTHER", shell_complete=paths, help="Show how OTHER differs from MODEL.")
@click.option(
    "--signature", metavar="KEY", help="Of --diff: what to compare [default: serving_default, or the only one]."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document to stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Show all ops or differences, and tracebacks of errors.")
def command(model: str, *, other: str | None, signature: str | None, as_json: bool, verbose: bool) -> None:
    """Show MODEL's version, digest, size, signatures and ops.

    MODEL is a SavedModel directory, a base path of numbered versions (the highest wins) or a .keras file; or a running
    server, grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME, which reports its signatures.

    With --diff, show what the two run for a request: operations that were added, removed or changed, their estimated
    work, weights, and what often costs time.
    """
    from perfgate.model.cache import cache_dir  # noqa: PLC0415 - keeps `--help` instant
    from perfgate.model.saved_model import open_model  # noqa: PLC0415

    if other is not None:
        from perfgate.cli.inspect_diff import show_differences  # noqa: PLC0415

        models = open_model(model, cache_dir(os.environ)), open_model(other, cache_dir(os.environ))
        show_differences(*models, signature, as_json=as_json, verbose=verbose)
        return
    if signature is not None:
        raise UsageError("--signature is for --diff", "leave it out: all signatures are shown")
    from perfgate.serving.endpoint_url import is_endpoint  # noqa: PLC0415 - slow, and --diff needs it not

    opened = _described(model) if is_endpoint(model) else open_model(model, cache_dir(os.environ))
    if as_json:
        click.echo(_document(opened))
    else:
        _show(opened, output_console(), ops=None if verbose else _OPS_SHOWN)


def _described(url: str) -> Model:
    from perfgate.scenario.schema import Target  # noqa: PLC0415 - keeps `--help` instant
    from perfgate.serving.description import describe_endpoint  # noqa: PLC0415

    return describe_endpoint(url, Target(kind="endpoint"))


def _document(model: Model) -> str:
    requests, problem = _warmup(model)
    warmup = {"requests": requests, "problem": problem}
    return json.dumps({**asdict(model), "path": str(model.path), "ops": dict(model.ops), "warmup": warmup}, indent=2)


def _warmup(model: Model) -> tuple[dict[str, int], str | None]:
    """Count the model's own warm-up requests by kind; if their file is invalid, return the error."""
    from perfgate.payload.warmup_assets import warmup_kinds  # noqa: PLC0415 - keeps `--help` instant

    try:
        return dict(warmup_kinds(model)), None
    except UsageError as error:
        return {}, error.problem


def _show(model: Model, console: Console, ops: int | None) -> None:
    from rich.table import Table  # noqa: PLC0415 - keeps `--help` instant

    for name, value in _facts(model):
        console.print(f"{name:<12}{value}", soft_wrap=True)  # a digest is for copying, so it stays on one line
    for signature in model.signatures:
        _show_signature(signature, console)
    if model.served_as is not None:
        return
    console.print(f"\n{_ops_title(model, ops)}", style="bold", soft_wrap=True)
    table = Table("op")
    table.add_column("count", justify="right")
    for op, count in model.ops[:ops]:
        table.add_row(op, str(count))
    console.print(table)


def _facts(model: Model) -> tuple[tuple[str, str], ...]:
    named = ", ".join(signature.key for signature in model.signatures) or "none"
    facts = (("path", model.given), ("version", str(model.version)), ("digest", model.digest), ("signatures", named))
    if model.served_as is not None:
        return facts  # the rest is on the server's disk
    given = (("model", model.given),) if Path(model.given).is_file() else ()
    return (
        *given,
        ("path", str(model.path)),
        *facts[1:3],
        ("size", f"{with_unit(model.size_bytes / 2**20, 'MiB')} ({model.size_bytes:,} bytes)"),
        ("tags", ", ".join(model.tags)),
        facts[3],
        ("warm-up", _warmup_shown(*_warmup(model))),
    )


def _warmup_shown(requests: dict[str, int], problem: str | None) -> str:
    kinds = ", ".join(f"{kind} {count}" for kind, count in requests.items())
    return problem or (f"{sum(requests.values())} requests ({kinds})" if requests else "no requests")


def _ops_title(model: Model, shown: int | None) -> str:
    total, kinds = sum(count for _, count in model.ops), len(model.ops)
    rest = f", the {shown} most frequent (-v: all)" if shown is not None and shown < kinds else ""
    return f"ops: {total:,} of {kinds} kinds{rest}"


def _show_signature(signature: Signature, console: Console) -> None:
    from rich.table import Table  # noqa: PLC0415 - keeps `--help` instant

    console.print(f"\n{signature.key}, {signature.method}", style="bold", soft_wrap=True)
    table = Table("")
    for column in ("name", "dtype", "shape"):
        table.add_column(column, overflow="fold")
    for kind, specs in (("in", signature.inputs), ("out", signature.outputs)):
        for spec in specs:
            dtype = spec.dtype if spec.encoding == "dense" else f"{spec.encoding} {spec.dtype}"
            table.add_row(kind, spec.name, dtype, _shape(spec.shape))
    console.print(table)


def _shape(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "unknown rank"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"
