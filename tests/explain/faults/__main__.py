"""Build pairs of models: `python -m tests.explain.faults DIR [NAMES...]`; what exists is kept."""

from __future__ import annotations

from pathlib import Path

import click

from tests.explain.faults.pairs import GROUPS, PAIRS, Pair


def asked(names: tuple[str, ...]) -> list[Pair]:
    """Return the pairs of these names, of which some may be names of groups."""
    known = {**GROUPS, **{name: (pair,) for name, pair in PAIRS.items()}}
    if unknown := [name for name in names if name not in known]:
        raise click.BadParameter(f"no pair or group: {', '.join(unknown)}")
    return list(dict.fromkeys(pair for name in names for pair in known[name]))


@click.command()
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
def main(home: Path, names: tuple[str, ...]) -> None:
    """Build the pairs NAMES into HOME: names of pairs, or faults, equal, slower, same; without names the first two."""
    missing = [pair for pair in asked(names or ("faults", "equal")) if not (home / pair.name).is_dir()]
    if not missing:
        return
    from tests.explain.faults.build import build  # noqa: PLC0415 - what exists needs no TensorFlow

    for pair in missing:
        build(pair, home)
        click.echo(f"{pair.name}: {pair.base}, {pair.expected or 'equal'}")


if __name__ == "__main__":
    main()
