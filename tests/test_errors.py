import pytest

from perfgate.errors import how_it_ended


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "it ended"),
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-9, "killed by SIGKILL"),
        (-40, "killed by signal 40"),
    ],
)
def test_how_a_process_ended_is_said_in_words(code: int | None, words: str) -> None:
    assert how_it_ended(code) == words
