from __future__ import annotations

import tomllib

import pytest

from perfgate.errors import UsageError
from perfgate.sketch.file import load_sketch
from perfgate.sketch.schema import Sketch
from perfgate.sketch.wiring import Wiring, wired
from tests.sketch.conftest import SKETCHES

_FEATURES = "[inputs.features]\nshape = [4]\n"
_SEQUENCE = "[inputs.words]\nshape = [20, 8]\n"
_PICTURE = "[inputs.picture]\nshape = [9, 9, 3]\n"
_IDS = '[inputs.ids]\ndtype = "int64"\nshape = [5]\n'


def _wired(text: str) -> Wiring:
    return wired(Sketch.model_validate(tomllib.loads(text)), "s.toml")


def _block(name: str, kind: str, more: str = "") -> str:
    sizes = {
        "dense": "width = 6",
        "convolution": "filters = 6",
        "attention": "width = 6\nheads = 2",
        "recurrent": "units = 6",
    }
    return f'[blocks.{name}]\nkind = "{kind}"\n{sizes.get(kind, "")}\n{more}\n'


def _error(text: str) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        _wired(text)
    assert caught.value.problem.startswith("s.toml: ")
    return caught.value.problem.removeprefix("s.toml: "), caught.value.remedy


def test_the_example() -> None:
    found = wired(load_sketch(SKETCHES / "ranker.toml", {}), "ranker.toml")
    assert found.stack == ("features", "user")
    assert {name: (each.dtype, each.shape) for name, each in found.inputs.items()} == {
        "features": ("float32", (64,)),
        "user": ("int64", (20,)),
    }
    assert found.cardinalities == {"user": 10_000}
    dense = 80 * 256 + 256 + 2 * (256 * 256 + 256) + 256 + 1
    assert found.parameters == 10_000 * 16 + dense


@pytest.mark.parametrize(
    ("kind", "reads"),
    [
        ("dense", ("features", "number", "user")),
        ("dot", ("features", "user")),
        ("attention", ("words",)),
        ("recurrent", ("words",)),
    ],
)
def test_the_first_block_reads_everything_of_its_rank(kind: str, reads: tuple[str, ...]) -> None:
    text = _FEATURES + "[inputs.number]\n" + _SEQUENCE + _PICTURE + "[embeddings.user]\nrows = 9\ndim = 4\n"
    found = _wired(text + _block("b", kind))
    assert found.blocks[0].reads == reads
    assert set(found.stack) == {"features", "number", "words", "picture", "user", "b"} - set(reads)


def test_without_vectors_dense_and_dot_read_positions() -> None:
    for kind in ("dense", "dot"):
        assert _wired(_SEQUENCE + _block("b", kind)).blocks[0].reads == ("words",)


def test_a_later_block_reads_the_one_before_it() -> None:
    text = _SEQUENCE + _block("a", "convolution") + _block("b", "attention") + _block("c", "pool")
    found = _wired(text)
    assert [block.reads for block in found.blocks] == [("words",), ("a",), ("b",)]
    assert found.stack == ("c",)


def test_a_block_may_come_before_what_it_reads() -> None:
    text = _FEATURES + _block("last", "dense", 'from = ["first"]') + _block("first", "dense", 'from = ["features"]')
    found = _wired(text)
    assert [block.name for block in found.blocks] == ["first", "last"]
    assert found.stack == ("last",)


@pytest.mark.parametrize(("reader", "keeps"), [("attention", True), ("pool", True), ("dense", False), ("dot", False)])
def test_a_recurrent_block_keeps_positions_for_those_who_read_them(reader: str, *, keeps: bool) -> None:
    more = 'from = ["r", "other"]' if reader == "dot" else ""
    text = f"{_SEQUENCE}[inputs.other]\nshape = [6]\n{_block('r', 'recurrent')}{_block('b', reader, more)}"
    blocks = {block.name: block for block in _wired(text).blocks}
    assert blocks["r"].keeps_positions is keeps


def test_an_input_that_is_looked_up_is_not_a_feature() -> None:
    found = _wired(
        _IDS + '[embeddings.a]\nrows = 9\ndim = 2\ninput = "ids"\n[embeddings.b]\nrows = 7\ndim = 3\ninput = "ids"'
    )
    assert found.stack == ("a", "b")
    assert [each.lookups for each in found.embeddings] == [5, 5]
    assert found.cardinalities == {"ids": 7}


def test_a_given_cardinality_counts() -> None:
    ids = _IDS + "cardinality = 3\n"
    assert _wired(ids).cardinalities == {"ids": 3}
    assert _wired(ids + '[embeddings.a]\nrows = 9\ndim = 2\ninput = "ids"').cardinalities == {"ids": 3}
    assert _wired(_IDS).cardinalities == {}


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("", "the heads have nothing to read", "[inputs.NAME]"),
        (f"{_FEATURES}[heads]", "there are no heads", "[heads.NAME]"),
        ('[inputs."a b"]', "inputs.'a b' is not a name", "letters, digits and _"),
        ('[inputs."é"]', "inputs.'é' is not a name", "letters, digits and _"),
        (f"{_FEATURES}[embeddings.features]\nrows = 2\ndim = 2", "inputs.features: embeddings.features has", "rename"),
        ("[inputs.layers]", "inputs.layers: layers has the same name", "rename"),
        ("[inputs.score]\n[heads.score]", "inputs.score: heads.score has the same name", "rename"),
        (_FEATURES + _block("b", "attention"), "blocks.b: no input or embedding has positions", 'combine = "sequence"'),
        (_SEQUENCE + _PICTURE + _block("b", "pool"), "blocks.b: it is not clear whether it reads words or", "set from"),
        (
            _FEATURES + _block("b", "dense", 'from = ["feature"]'),
            "blocks.b.from: there is no feature",
            "mean features?",
        ),
        (
            _FEATURES + _block("a", "dense", 'from = ["b"]') + _block("b", "dense", 'from = ["a"]'),
            "blocks read each other: ",
            "remove one",
        ),
        (_FEATURES + _block("a", "dense", 'from = ["a"]'), "blocks read each other: a reads a", "remove one"),
        (
            _FEATURES + _block("a", "dense") + _block("b", "recurrent"),
            "blocks.b: recurrent reads a sequence, and this has the shape [6] (from a)",
            "set from",
        ),
        (
            _SEQUENCE + "[inputs.others]\nshape = [7, 8]\n" + _block("b", "attention"),
            "blocks.b: it reads different positions: [20, 8] and [7, 8] (from words, others)",
            "set from",
        ),
        (
            _PICTURE + _block("b", "convolution", 'kernel = 5\ndepth = 3\npadding = "valid"'),
            "blocks.b: layer 3 reads [1, 1] positions, fewer than its kernel of 5 (from picture)",
            "set from",
        ),
        (_FEATURES + _block("b", "dot"), "blocks.b: dot reads at least two vectors, and this is one", "set from"),
        (
            f"{_FEATURES}[inputs.more]\nshape = [5]\n{_block('b', 'dot')}",
            "blocks.b: dot reads vectors of equal length, and these have 4, 5",
            "set from",
        ),
        (_PICTURE + _block("b", "dot", 'from = ["picture"]'), "blocks.b: dot reads vectors and sequences", "set from"),
        (
            f'{_IDS}[embeddings.a]\nrows = 2\ndim = 2\ninput = "id"',
            "embeddings.a.input: there is no input id",
            "did you mean ids?",
        ),
        (
            f'{_FEATURES}[embeddings.a]\nrows = 2\ndim = 2\ninput = "features"',
            "embeddings.a.input: features is float32",
            'dtype = "int64"',
        ),
        (
            '[inputs.x]\ndtype = "int32"\nshape = [2, 3]\n[embeddings.a]\nrows = 2\ndim = 2\ninput = "x"',
            "embeddings.a.input: x has the shape [2, 3]",
            "a list",
        ),
        (
            f'{_IDS}[embeddings.a]\nrows = 2\ndim = 2\nlookups = 6\ninput = "ids"',
            "embeddings.a.lookups = 6: ids has 5 in a row",
            "leave out lookups",
        ),
        (
            f'{_IDS}cardinality = 3\n[embeddings.a]\nrows = 2\ndim = 2\ninput = "ids"',
            "inputs.ids.cardinality = 3: embeddings.a has only 2 rows",
            "make both alike",
        ),
    ],
)
def test_what_cannot_be_wired_names_the_part(text: str, problem: str, remedy: str) -> None:
    said, advised = _error(text)
    assert said.startswith(problem)
    assert remedy in advised


def test_the_right_number_of_lookups_may_be_repeated() -> None:
    text = f'{_IDS}[embeddings.a]\nrows = 2\ndim = 2\nlookups = 5\ninput = "ids"'
    assert _wired(text).embeddings[0].lookups == 5
