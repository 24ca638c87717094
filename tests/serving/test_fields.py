from __future__ import annotations

import pytest

from perfgate.errors import UsageError
from perfgate.serving.fields import FIELDS, fields_in, fill, split

VALUES = {name: f"<{name}>" for name in FIELDS}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("--port={port}", "--port=<port>"),
        ("{name}/{version}", "<name>/<version>"),
        ('{{"grpc": {port}}}', '{"grpc": <port>}'),
        ("", ""),
    ],
)
def test_fields_are_filled_and_doubled_braces_are_braces(text: str, filled: str) -> None:
    assert fill(text, VALUES, "target.command") == filled


def test_a_line_is_split_as_by_a_shell_that_expands_nothing() -> None:
    line = "server --port={port} '--name=a b' $HOME \"{model}/x y\" ; ls *"
    assert split(line, "target.command") == (
        "server",
        "--port={port}",
        "--name=a b",
        "$HOME",
        "{model}/x y",
        ";",
        "ls",
        "*",
    )


def test_it_knows_which_fields_a_text_uses() -> None:
    assert fields_in("{port} {{name}} {model}", "target.command") == {"port", "model"}


@pytest.mark.parametrize(
    ("line", "problem", "remedy"),
    [
        ("serve {prot}", "target.command has an unknown field {prot}", "did you mean {port}?"),
        ("serve {}", "target.command has an unknown field {}", "available: {host}, {port}, {rest_port}, {model}"),
        ("serve {port!r}", "target.command has an unknown field {port}", "write {{ and }} for braces"),
        ("serve {port:5}", "target.command has an unknown field {port}", "write {{ and }} for braces"),
        ("serve {name.x}", "target.command has an unknown field {name.x}", "did you mean {name}?"),
        ("serve {port", "has an unmatched brace", "write {{ and }} for braces"),
        ("serve port}", "has an unmatched brace", "write {{ and }} for braces"),
        ("serve 'x", "target.command is not a valid command line: no closing quotation", "close all quotes"),
        ("  ", "target.command is empty", "write the command"),
    ],
)
def test_what_cannot_be_filled_is_a_usage_error(line: str, problem: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        split(line, "target.command")
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
