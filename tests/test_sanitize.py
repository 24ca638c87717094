from __future__ import annotations

from perfgate.sanitize import REPLACEMENT, one_line, printable


def test_control_codes_bidirectional_overrides_and_lone_surrogates_are_replaced() -> None:
    assert printable("a\x1b[31m\x00\u202e\ud800b") == f"a{REPLACEMENT}[31m{REPLACEMENT * 3}b"


def test_ordinary_words_stay() -> None:
    assert printable("modèle/Größe 模型\nzwei") == "modèle/Größe 模型\nzwei"


def test_lines_are_joined() -> None:
    assert one_line(" a\n b\tc ") == "a b c"
