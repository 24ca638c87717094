"""Models from functions in Python files, and from Keras files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.model.saved_model import open_model, signature
from perfgate.sketch.built import SketchFacts
from tests.sketch.conftest import SKETCHES, Build, Written

pytestmark = [pytest.mark.live, pytest.mark.slow]

_HEAD = "import keras, tensorflow as tf\n\n"  # so that functions begin in line 3
_DENSE = "keras.Sequential([keras.Input((4,)), keras.layers.Dense(width)])"

_MODULE = """
class Model(tf.Module):
    def __init__(self):
        self.weights = tf.Variable(tf.ones([5, 2]))

    @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.float32, name="x")])
    def {method}(self, x):
        return {{"y": x @ self.weights}}

def model():
    return Model()
"""
_SUBCLASS = """
class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)
"""

_WRONG_SHAPE = """class Model(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([2])])
    def serve(self, x):
        return x + tf.ones([3])
def model():
    return Model()
"""


def _error(build: Build, file: str, **values: int) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        build(file, values)
    assert "\n" not in caught.value.problem
    return caught.value.problem.removeprefix(file.partition(".py:")[0].removesuffix(".py")), caught.value.remedy


def test_the_example_is_the_toml_example(build: Build, ranker: SketchFacts) -> None:
    python, toml = build(SKETCHES / "ranker.py"), ranker
    assert (python.kind, python.dimensions) == ("python", {"width": 256, "depth": 3, "rows": 10_000, "lookups": 20})
    assert (python.parameters, python.cardinalities) == (toml.parameters, toml.cardinalities)
    assert build(SKETCHES / "ranker.py", {"width": 300}).parameters == build(
        SKETCHES / "ranker.toml", {"layers.width": 300}
    ).parameters  # fmt: skip


def test_a_keras_file_of_the_example_is_the_same_model(build: Build, written: Written, tmp_path: Path) -> None:
    (tmp_path / "ranker.py").write_bytes((SKETCHES / "ranker.py").read_bytes())
    file = tmp_path / "ranker.keras"
    build(
        written(
            "save.py",
            f"from ranker import ranker\ndef save():\n    m = ranker()\n    m.save({str(file)!r})\n    return m",
        )
    )
    facts = build(file)
    assert (facts.kind, facts.dimensions, facts.batch) == ("keras", {}, None)
    assert (facts.parameters, facts.cardinalities) == (312_577, {"user": 10_000})


def test_dimensions_are_parameters_with_whole_number_defaults(build: Build, written: Written) -> None:
    text = f"{_HEAD}def model(width: int = 3, rate=0.5, flag=True, *, units=7, name='x'):\n    return {_DENSE}"
    file = written("m.py", text)
    assert build(file).dimensions == {"width": 3, "units": 7}
    facts = build(file, {"width": 9})
    assert (facts.dimensions, facts.parameters) == ({"width": 9, "units": 7}, 45)
    assert _error(build, file, widht=1) == (".py: model takes no widht", "did you mean width?")
    assert _error(build, file, rate=1)[0] == ".py: model: the default of rate is not a whole number"


def test_the_only_function_of_the_file_is_meant(build: Build, written: Written) -> None:
    text = f"{_HEAD}from keras.saving import load_model\ndef _other(): pass\ndef model(width=2):\n    return {_DENSE}"
    assert build(written("m.py", text)).parameters == 10


def test_one_of_several_functions_is_named(build: Build, written: Written) -> None:
    file = written("m.py", f"{_HEAD}def small(width=2):\n    return {_DENSE}\ndef large(width=4):\n    return {_DENSE}")
    assert (build(f"{file}:small").parameters, build(f"{file}:large").parameters) == (10, 20)
    problem, remedy = _error(build, file)
    assert problem == ".py defines several functions: small, large"
    assert remedy == f"write {file}:NAME, or let others begin with _"
    assert _error(build, f"{file}:smal") == (".py has no function smal", "did you mean small?")


@pytest.mark.parametrize("method", ["__call__", "serve"])
def test_a_module_is_served_by_its_signature(build: Build, written: Written, tmp_path: Path, method: str) -> None:
    facts = build(written("m.py", _HEAD + _MODULE.format(method=method)))
    found = signature(open_model(facts.path, tmp_path), "serving_default")
    assert [(spec.name, spec.shape) for spec in found.inputs] == [("x", (None, 5))]
    assert [spec.name for spec in found.outputs] == ["y"]
    assert facts.parameters == 10


def test_a_model_with_its_own_call_must_have_been_called(build: Build, written: Written) -> None:
    text = _HEAD + _SUBCLASS + "def model():\n    made = Model()\n    {}\n    return made\n"
    assert build(written("called.py", text.format("made(keras.ops.zeros((2, 5)))"))).parameters == 18
    for name, line in (("no.py", "pass"), ("built.py", "made.build((None, 5))")):
        problem, remedy = _error(build, written(name, text.format(line)))
        assert problem == ".py: model returned a model that is not built"
        assert remedy == "call it once, or build it from keras.Input"


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("def model(:\n    pass", ".py raised SyntaxError: invalid syntax (line 3)", "in Python first"),
        ("import nonsuch.part", ".py imports nonsuch, which is not installed here (line 3)", "-m pip install nonsuch"),
        ("x = 1 / 0", ".py raised ZeroDivisionError: division by zero (line 3)", "in Python first"),
        ("y = 3", ".py defines no public function", "define one that returns"),
        ("def model():\n    raise ValueError('a\\nb')", ".py: model raised ValueError: a b (line 4)", "in Python"),
        ("def model():\n    keras.layers.Dense(-1)", ".py: model raised ValueError: ", "in Python first"),
        ("def model():\n    model()", ".py: model raised RecursionError: ", "in Python first"),
        ("def model():\n    raise SystemExit(3)", ".py: model ended the program (line 4)", "in Python first"),
        ("def model():\n    pass", ".py: model returned nothing", "return a keras.Model or a tf.Module"),
        ("def model():\n    return {}", ".py: model returned a dict", "return a keras.Model or a tf.Module"),
        ("def model():\n    return 3", ".py: model returned an int", "return a keras.Model or a tf.Module"),
        ("def model():\n    return keras.layers.Dense(3)", ".py: model returned a Dense", "return a keras.Model"),
        ("def model(width):\n    pass", ".py: model: width has no default", "give every parameter a default"),
        (
            "def model():\n    return keras.Sequential([keras.layers.Dense(2)])",
            ".py: model returned a model that is not built",
            "call it once, or build it from keras.Input",
        ),
        (
            "class M(tf.Module):\n    @tf.function\n    def serve(self, x): return x\ndef model():\n    return M()",
            ".py: model returned a tf.Module without a signature",
            "give it a tf.function with input_signature named __call__ or serve",
        ),
        (
            _WRONG_SHAPE,
            ".py: model: its export raised ValueError: ",
            "in Python first",
        ),
        ("def model():\n    raise MemoryError", ".py: there is not enough memory to build it", "smaller"),
        (
            "def model():\n    raise tf.errors.ResourceExhaustedError(None, None, 'OOM')",
            ".py: there is not enough memory to build it",
            "smaller",
        ),
        ("def model():\n    bytearray(10 << 30)", ".py: there is not enough memory to build it", "smaller"),
    ],
)
def test_what_is_wrong_with_the_code_is_one_line(
    build: Build, written: Written, text: str, problem: str, remedy: str
) -> None:
    said, advised = _error(build, written("wrong.py", _HEAD + text))
    assert said.startswith(problem)
    assert said == problem or not problem.endswith((")", "dict", "int", "nothing"))
    assert remedy in advised


def test_what_the_code_prints_is_no_reply(build: Build, written: Written) -> None:
    text = f"{_HEAD}import os\ndef model(width=2):\n    print('{{}}')\n    os.write(1, b'{{}}\\n')\n    return {_DENSE}"
    assert build(written("m.py", text)).parameters == 10


def test_a_keras_file_that_cannot_be_read(build: Build, tmp_path: Path) -> None:
    for version, remedy in (("3.5.0", "a function in a .py file"), ("2.15.0", "tf_keras")):
        file = tmp_path / f"{version}.keras"
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("metadata.json", f'{{"keras_version": "{version}"}}')
        problem, advised = _error(build, str(file))
        assert problem.startswith(" cannot be read: KeyError: ")
        assert remedy in advised
