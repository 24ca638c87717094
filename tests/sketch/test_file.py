from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from perfgate.errors import UsageError
from perfgate.sketch.dimensions import numbers_of
from perfgate.sketch.file import json_schema, load_sketch
from tests.sketch.conftest import ALL_KINDS, SKETCHES, Written

_START = "[inputs.x]\nshape = [4]\n"


def _error(file: str, **values: int) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        load_sketch(Path(file), values)
    assert caught.value.problem.startswith(file)
    return caught.value.problem.removeprefix(file).lstrip(": "), caught.value.remedy


def test_the_example_is_read_with_values() -> None:
    sketch = load_sketch(SKETCHES / "ranker.toml", {"layers.width": 512, "layers.depth": 2})
    assert sketch.layers is not None
    assert sketch.layers.sizes == (512, 512)
    assert (sketch.batch, sketch.embeddings["user"].lookups) == (8, 20)
    assert list(sketch.heads) == ["score"]


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("[layers]\nwidht = 3", "layers.widht: unknown key", "did you mean width?"),
        ("[layers]\nwidth = 0", "layers.width = 0", "must be greater than or equal to 1"),
        ("[layers]\nwidth = 1.5", "layers.width = 1.5", "must be a whole number"),
        ("[layers]\ndepth = 3", "layers: invalid combination of keys", "set either width, with depth, or widths"),
        ("[layers]\nwidths = [3]\ndepth = 2", "layers: invalid combination", "widths says the depth already"),
        ("[layers]\nwidth = 2\nwidths = [3]", "layers: invalid combination", "set either width, with depth, or widths"),
        ("[layers]\nwidths = []", "layers.widths = []", "must be a non-empty array"),
        ('[layers]\nwidth = 2\nactivation = "rleu"', 'layers.activation = "rleu"', "'relu'"),
        ("layers = 3", "layers = 3", "must be a table"),
        ("[inptus.x]\nshape = [4]", "inptus: unknown key", "did you mean inputs?"),
        ("[inputs.x]\nshape = [1, 2, 3, 4]", "inputs.x.shape = [1, 2, 3, 4]", "must be at most three sizes"),
        ('[inputs.x]\ndtype = "string"', 'inputs.x.dtype = "string"', "'float32'"),
        ("[inputs.x]\ncardinality = 3", "inputs.x: invalid combination", "cardinality is for whole numbers"),
        ("[embeddings.u]\ndim = 3", "embeddings.u: rows is missing", "set it: Different ids"),
        ('[embeddings.u]\nrows = 2\ndim = 3\ncombine = "max"', 'embeddings.u.combine = "max"', "'mean', 'sum'"),
        ("[blocks.b]\nwidth = 3", "blocks.b: kind is missing", "dense, convolution, attention"),
        ('[blocks.b]\nkind = "atention"', 'blocks.b.kind = "atention"', "did you mean attention?"),
        ('[blocks.b]\nkind = "pool"\nwidth = 3', "blocks.b.width: unknown key", "known: combine, from, kind"),
        ('[blocks.b]\nkind = "pool"\nform = ["x"]', "blocks.b.form: unknown key", "did you mean from?"),
        ('[blocks.b]\nkind = "pool"\nfrom = []', "blocks.b.from = []", "must be a non-empty array"),
        ('[blocks.b]\nkind = "recurrent"', "blocks.b: units is missing", "set it: Size of the state"),
        ('[blocks.b]\nkind = "dense"', "blocks.b: invalid combination", "set either width, with depth, or widths"),
        ('[blocks.b]\nkind = "dense"\nwidths = [2, 0]', "blocks.b.widths[1] = 0", "must be greater than or equal to 1"),
        ("blocks.b = 3", "blocks.b = 3", "must be a table"),
        ("blocks = 3", "blocks = 3", "must be a table"),
        ("batch = 0", "batch = 0", "must be greater than or equal to 1"),
    ],
)
def test_each_mistake_says_where_what_and_what_instead(written: Written, text: str, problem: str, remedy: str) -> None:
    said, advised = _error(written("s.toml", text if "[inp" in text else f"{text}\n{_START}"))
    assert said.startswith(problem)
    assert remedy in advised
    assert "\n" not in said


def test_several_mistakes_come_all_at_once(written: Written) -> None:
    problem, remedy = _error(written("s.toml", "batch = 0\n[layers]\nwidth = 0\n[blocks.b]\nkind = 3"))
    assert problem == "batch = 0 (and 2 more)"
    assert [line.partition(":")[0] for line in remedy.split("\n")[1:]] == ['blocks.b.kind = "3"', "layers.width = 0"]


def test_a_syntax_error_has_its_line(written: Written) -> None:
    file = written("s.toml", "batch = 1\nx = \n")
    problem, remedy = _error(file)
    assert problem.startswith("2: invalid TOML")
    assert remedy == "fix line 2"


def test_a_file_that_is_gone() -> None:
    assert _error("gone.toml") == ("no such sketch file", "check the path")


def test_values_are_checked_like_the_file(written: Written) -> None:
    file = written("s.toml", f"{_START}[layers]\nwidth = 3")
    assert _error(file, **{"layers.widht": 3}) == (
        "the sketch has no dimension layers.widht",
        "did you mean layers.width?",
    )
    assert _error(file, **{"layers.width": 0})[0] == "layers.width = 0"


def test_the_json_schema_takes_what_is_read_and_refuses_what_is_not() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    check = Draft202012Validator(schema)
    for file in (SKETCHES / "ranker.toml", ALL_KINDS):
        assert list(check.iter_errors(tomllib.loads(file.read_text()))) == []
    wrong: tuple[dict[str, Any], ...] = (
        {"layers": {"widht": 3}},
        {"blocks": {"b": {"kind": "pool", "units": 3}}},
        {"blocks": {"b": {"kind": "poool"}}},
    )
    for data in wrong:
        assert list(check.iter_errors(data)), data
    assert '"from"' in json.dumps(schema)


def test_all_keys_are_described() -> None:
    tables = [json_schema(), *json_schema()["$defs"].values()]
    missing = [key for table in tables for key, value in table["properties"].items() if "description" not in value]
    assert missing == []


def test_numbers_of_a_sketch_are_those_that_can_be_set() -> None:
    sketch = load_sketch(ALL_KINDS, {})
    numbers = numbers_of(sketch)
    assert numbers_of(load_sketch(ALL_KINDS, numbers)) == numbers
