from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from perfgate.cli.options import Duration
from perfgate.errors import UsageError
from perfgate.scenario.files import load_scenario
from perfgate.scenario.quantities import DURATION, seconds_in, share_in

_DURATIONS = {
    "60": 60, "60s": 60, "500ms": 0.5, "2min": 120, "1.5m": 90, "1h": 3600, ".5s": 0.5, "5.s": 5, " 7 s ": 7,
}  # fmt: skip
_NO_DURATIONS = ("", "s", ".s", "1.2.3s", "-1s", "5 weeks", "nan", "1e3s", "5S", "60s\n60s")


@pytest.mark.parametrize(("text", "seconds"), _DURATIONS.items())
def test_files_and_the_command_line_read_the_same_durations(text: str, seconds: float, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(f'[budget]\nmeasure_s = "{text}"\n')
    assert seconds_in(text) == pytest.approx(seconds)
    assert load_scenario(str(file), []).budget.measure_s == pytest.approx(seconds)
    assert Duration().convert(text, None, None) == pytest.approx(seconds)
    assert re.search(f"^{DURATION}$", text)


@pytest.mark.parametrize("text", _NO_DURATIONS)
def test_files_and_the_command_line_refuse_the_same_durations(text: str, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        f"[budget]\nmeasure_s = {text!r}\n" if "\n" not in text else f'[budget]\nmeasure_s = """{text}"""\n'
    )
    assert seconds_in(text) is None
    with pytest.raises(UsageError, match=r"budget\.measure_s = "):
        load_scenario(str(file), [])
    with pytest.raises(click.BadParameter, match="write 60s"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "share"), [("5%", 0.05), (" 2.5 % ", 0.025), (".5%", 0.005), ("5.%", 0.05), ("5", None), ("1..2%", None)]
)
def test_percentages_are_shares(text: str, share: float | None) -> None:
    assert share_in(text) == pytest.approx(share)
