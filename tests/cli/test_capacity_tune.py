from __future__ import annotations

import pytest
from click.testing import CliRunner

from perfgate.cli.capacity import command


@pytest.mark.parametrize("given", [["old", "new"], ["new", "--baseline", "prod"]])
def test_tune_takes_one_model(given: list[str]) -> None:
    done = CliRunner().invoke(command, [*given, "--tune"])
    assert done.exit_code == 2
    assert "--tune takes one model" in done.output
    assert "without --baseline" in done.output
