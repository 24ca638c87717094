"""The first files of a project: configuration, a scenario made from the model's signature, and a CI file."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from numpy.random import default_rng

from perfgate.errors import UsageError
from perfgate.formatting import share
from perfgate.metrics import METRICS
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.payload.random_inputs import random_array
from perfgate.payload.warmup_assets import warmup_kinds
from perfgate.sanitize import one_line
from perfgate.scenario.schema import InputSpec

BATCH = 8
_PARSING = {"ParseExample", "ParseExampleV2", "ParseSingleExample"}
"""Operations that read `tf.Example`s; without them, a classify signature takes plain strings."""
_METHODS = {"tensorflow/serving/classify": "classify", "tensorflow/serving/regress": "regress"}
_MADE_UP = re.compile(r"(keras_tensor|input_layer|input)(_[0-9]+)?")
"""Names that Keras 3 and 2 give to unnamed inputs; the number counts earlier layers of the process."""
_CI_FILES = {"github": Path(".github/workflows/perfgate.yml"), "gitlab": Path(".gitlab-ci.yml")}


@dataclass(frozen=True, slots=True)
class _Input:
    name: str
    key: str
    dtype: str
    shape: str
    lines: tuple[str, ...]
    problem: str


def first_files(model: Model, ci: str, requirement: str) -> Mapping[Path, str]:
    """Make the files of `perfgate init`: text by path, relative to the project; `ci`: github, gitlab or none.

    UsageError if the model has no signature, or a name that such files cannot contain.
    """
    if any("\ud800" <= char <= "\udfff" for char in model.given):  # bytes of a path that are not text
        raise UsageError(f"{one_line(model.given)} is not UTF-8", "rename the model")
    name = scenario_name(model)
    files = {
        Path("perfgate.toml"): _template("perfgate.toml.j2").render(name=name),
        Path("scenarios", f"{name}.toml"): scenario_text(model, name),
    }
    if ci in _CI_FILES:
        files[_CI_FILES[ci]] = _ci_text(model, ci, requirement)
    return files


def objective_files(name: str) -> Mapping[Path, str]:
    """Make the files of `perfgate init --objectives-first`: objectives and a sketch, for a model that does not exist.

    UsageError for a name that scenarios cannot have.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is None:
        problem = f"{one_line(name)} is not a name for a scenario"
        raise UsageError(problem, "use letters, digits, '.', '_' and '-', starting with a letter or digit")
    return {
        Path("perfgate.toml"): _template("perfgate.toml.j2").render(name=name),
        Path("scenarios", f"{name}.toml"): _template("objectives.toml.j2").render(name=name, batch=BATCH),
        Path("sketches", f"{name}.toml"): _template("sketch.toml.j2").render(name=name, batch=BATCH),
    }


def after_objectives(name: str) -> Sequence[str]:
    """Return what to do next in a project without a model."""
    sketch = shlex.quote(f"sketches/{name}.toml")
    return (
        f"edit scenarios/{name}.toml: what must the model hold, under which traffic?",
        f"edit {sketch}: what might it look like?",
        f"perfgate plan {sketch} --keep    # would it hold? two minutes, before anything is trained",
        f"perfgate plan {sketch} --scale layers.width=128..4096    # how large may it be?",
        "perfgate plan --check MODEL    # once it is trained: was the plan right?",
        "perfgate baseline record MODEL    # from then on, `perfgate run NEW_MODEL` is the gate",
    )


def recording(model: Model) -> str:
    """Return the command that stores a baseline of the model."""
    return shlex.join(["perfgate", "baseline", "record", model.given])


def _ci_text(model: Model, ci: str, requirement: str) -> str:
    run = ["perfgate", "run", model.given, "--out", "perfgate-run", "--junit", "perfgate-junit.xml"]
    run += ["--metrics", "perfgate-metrics.txt"] if ci == "gitlab" else []
    return _template(f"{ci}.yml.j2").render(
        model=model.given,
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        install=shlex.join(["python", "-m", "pip", "install", requirement]),
        gate=shlex.join(run),
        record=recording(model),
        record_of_commit=f'{recording(model)} --note "$GITHUB_SHA"',
    )


def scenario_name(model: Model) -> str:
    """Name a scenario after the model; below a versioned base path, after the base."""
    path = Path(model.given)
    named = next((each for each in (path, *path.parents) if each.name and not each.name.isdigit()), None)
    stem = "" if named is None else named.name.removesuffix(".keras")
    return re.sub(r"[^a-z0-9_-]+", "-", stem.lower()).strip("-") or "model"


def scenario_text(model: Model, name: str) -> str:
    """Write a scenario with every input of the signature that requests would call, or the model's recorded requests."""
    signature = _signature(model)
    parses = any(op in _PARSING for op, _ in model.ops)
    method = _METHODS.get(signature.method, "predict") if parses else "predict"
    defaults = [metric for metric in METRICS if metric.gated]
    return _template("scenario.toml.j2").render(
        given=model.given,
        name=name,
        recorded=_has_requests(model),
        method=method,
        source="examples" if method != "predict" else "",
        signature=signature.key,
        batch=BATCH,
        inputs=tuple(_input(each, signature) for each in signature.inputs),
        gated=[(metric.name, share(metric.catch)) for metric in defaults if metric.required],
        where_decided=[(metric.name, share(metric.catch)) for metric in defaults if not metric.required],
    )


def _signature(model: Model) -> Signature:
    found = {each.key: each for each in model.signatures if not each.key.startswith("__")}
    if not found:
        raise UsageError(
            f"{model.given} has no signature to call",
            "export it with a signature: tf.saved_model.save(…, signatures=…)",
        )
    return found.get("serving_default", next(iter(found.values())))


def _has_requests(model: Model) -> bool:
    try:
        return bool(warmup_kinds(model))
    except UsageError:  # present, but unusable
        return False


def _input(tensor: TensorSpec, signature: Signature) -> _Input:
    shape = (
        "of unknown rank"
        if tensor.shape is None
        else f"[{', '.join('?' if n is None else str(n) for n in tensor.shape)}]"
    )
    problem = _why_not(tensor)
    return _Input(
        tensor.name, _key(tensor, signature), tensor.dtype, shape, () if problem else tuple(_lines(tensor)), problem
    )


def _key(tensor: TensorSpec, signature: Signature) -> str:
    """Return the name, or a pattern if the exporter generated the name and it is the only one of its kind."""
    if (made_up := _MADE_UP.fullmatch(tensor.name)) is None:
        return tensor.name
    alike = [each for each in signature.inputs if each.name.startswith(made_up[1])]
    return f"{made_up[1]}*" if len(alike) == 1 else tensor.name


def _why_not(tensor: TensorSpec) -> str:
    """Return why random values cannot be used; empty if they can."""
    if tensor.encoding != "dense":
        return f"is {tensor.encoding}, which a request cannot contain: choose another signature"
    try:
        random_array(tensor, (1,), InputSpec(), default_rng(0))
    except UsageError as error:
        return one_line(f"{error.problem}: {error.remedy}")
    return ""


def _lines(tensor: TensorSpec) -> Iterator[str]:
    open_dimensions = tensor.shape is None or any(size is None for size in tensor.shape[1:])
    if open_dimensions:
        sizes = [BATCH] if tensor.shape is None else [BATCH, *(size or 1 for size in tensor.shape[1:])]
        yield f"shape = {sizes}  # unknown in the model: use the size of your requests"
    if tensor.dtype == "string":
        yield 'length = 8  # random letters; or vocabulary = ["…"] with strings that your users send'
    elif tensor.dtype == "bool":
        yield "# true or false, equally likely"
    elif "float" in tensor.dtype or tensor.dtype.startswith("complex"):
        yield "low = 0"
        yield "high = 1"
    else:
        yield "low = 0"
        yield "high = 128  # exclusive, so up to 127; for ids use the size of your vocabulary"


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("perfgate.project"),
        autoescape=False,  # noqa: S701 - TOML and YAML: external strings pass through the filters below
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(toml=_quoted, json=_quoted, line=one_line)
    return environment.get_template(name)


def _quoted(text: Any) -> str:  # noqa: ANN401 - jinja's
    """Write a string as JSON, which TOML's basic strings and YAML's double-quoted ones read alike."""
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", r"\u007f")


def write_all(files: Mapping[Path, str], home: Path, *, force: bool) -> None:
    """Write the files below `home`; UsageError, before any is written, if one exists, unless forced."""
    there = [str(path) for path in files if (home / path).exists()]
    if there and not force:
        raise UsageError(f"{', '.join(there)} already exist{'s' * (len(there) == 1)}", "use --force to replace")
    for path, text in files.items():
        try:
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text, encoding="utf-8")
        except OSError as error:
            problem = f"cannot write {home / path}: {error.strerror or error}"
            raise UsageError(problem, "use another directory") from error
