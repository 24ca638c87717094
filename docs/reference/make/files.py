"""The pages of files that users write or read: scenarios, perfgate.toml, results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click
import pyarrow as pa

from docs.reference.make.markdown import code, prose, sentence, table
from docs.reference.make.schemas import Schema, definition, keys
from perfgate.cli import config_schema
from perfgate.cli.config_file import KEYS, options_of
from perfgate.cli.run import command as run
from perfgate.fleet import document as fleet_document
from perfgate.fleet import file as fleet_file
from perfgate.results import (
    capacity_document,
    document,
    explanation_document,
    plan_check_document,
    plan_document,
)
from perfgate.results.described import field_docs
from perfgate.results.runs.row import MetricRow, RunRow
from perfgate.results.runs.schema import METRICS, OF_THE_RUN, PARTITIONS, RUNS
from perfgate.scenario import files
from perfgate.sketch import file as sketch_file

_SHARED = ("SketchFacts", "ObjectiveAnswer")
"""Objects of a checked plan that a plan has too."""
_OF_CAPACITY = ("ArmCapacity", "CapacityChange", "ServersNeeded")
"""Objects of a fleet's answer that an answer of `perfgate capacity` has too."""
_SHARED_BY_MODELS = "Keys of every model. `[defaults]` has the values for models that do not set them."


def scenario() -> str:
    """Describe every table of a scenario, in the file's order."""
    root = files.json_schema()
    return "\n\n".join(_tables("", root, root, set()))


def sketch() -> str:
    """Describe every table of a sketch, in the file's order."""
    root = sketch_file.json_schema()
    return "\n\n".join(_tables("", root, root, set()))


def fleet() -> str:
    """Describe the tables of a fleet file: the keys of each model alone, then those that `[defaults]` has, too."""
    root = fleet_file.json_schema()
    models, defaults = root["$defs"]["FleetModel"], root["$defs"]["Defaults"]
    own = {key: each for key, each in models["properties"].items() if key not in defaults["properties"]}
    sections = (
        ("## The file itself", root["description"], root),
        (f"## {code('[[models]]')}", models["description"], {"properties": own}),
        (f"## {code('[defaults]')} and {code('[[models]]')}", _SHARED_BY_MODELS, defaults),
    )
    return "\n\n".join(f"{title}\n\n{what}\n\n{keys(table, root, link=False)}" for title, what, table in sections)


def _tables(path: str, schema: Schema, root: Schema, seen: set[str]) -> Iterator[str]:
    title = f"## {code(f'[{path}]')}" if path else "## The file itself"
    if kind := schema["properties"].get("kind", {}).get("const"):
        title += f" of kind {code(kind)}"
    yield f"{title}\n\n{prose(schema['description'])}\n\n{keys(schema, root, link=False)}"
    for key, value in schema["properties"].items():
        for below, target, name in _inside(f"{path}.{key}".lstrip("."), value, root):
            if name not in seen:
                seen.add(name)
                yield from _tables(below, target, root, seen)


def _inside(path: str, value: Schema, root: Schema) -> Iterator[tuple[str, Schema, str]]:
    """Find the tables in a value: path, definition and name of the definition."""
    name, target = definition(value, root)
    if name and "properties" in target:
        yield path, target, name
    elif isinstance(value.get("additionalProperties"), dict):
        word = "METRIC" if "propertyNames" in value else "NAME"
        yield from _inside(f"{path}.{word}", value["additionalProperties"], root)
    for each in (*value.get("anyOf", ()), *value.get("oneOf", ())):
        yield from _inside(path, each, root)


def result() -> str:
    """Describe every object of a result; explanations have a page of their own."""
    text = _objects(document.json_schema(), elsewhere={"Explanation"})
    return text.replace("(#explanation)", "(explain.md#the-document)")


def explanation() -> str:
    """Describe every object of an explanation."""
    return _objects(explanation_document.json_schema(), elsewhere=set())


def capacity() -> str:
    """Describe every object of an answer of `perfgate capacity`."""
    return _objects(capacity_document.json_schema(), elsewhere=set())


def plan() -> str:
    """Describe every object of an answer of `perfgate plan`; capacities have a page of their own."""
    text = _objects(plan_document.json_schema(), elsewhere={"CapacityAnswer"})
    return text.replace("(#capacityanswer)", "(capacity.md#the-document)")


def plan_check() -> str:
    """Describe every object of a checked plan, without those that a plan has too."""
    text = _objects(plan_check_document.json_schema(), elsewhere=set(_SHARED))
    for name in _SHARED:
        text = text.replace(f"(#{name.lower()})", f"(plan.md#{name.lower()})")
    return text


def fleet_result() -> str:
    """Describe every object of an answer of `perfgate fleet`; capacities have a page of their own."""
    text = _objects(fleet_document.json_schema(), elsewhere=set(_OF_CAPACITY))
    for name in _OF_CAPACITY:
        text = text.replace(f"(#{name.lower()})", f"(capacity.md#{name.lower()})")
    return text


def _objects(root: Schema, elsewhere: set[str]) -> str:
    """Describe the objects of a document in the order in which it refers to them."""
    order = dict.fromkeys(_named(root, root, elsewhere))
    sections = [f"## The document\n\n{prose(root['description'])}\n\n{keys(root, root, link=True)}"]
    for name in order:
        schema = root["$defs"][name]
        sections.append(f"## {name}\n\n{prose(schema['description'])}\n\n{keys(schema, root, link=True)}")
    return "\n\n".join(sections)


def _named(node: object, root: Schema, seen: set[str]) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _named(each, root, seen)
    if not isinstance(node, dict):
        return
    name, target = definition(node, root)
    if name and name not in seen and "properties" in target:
        seen.add(name)
        yield name
        yield from _named(target, root, seen)
    for key, value in node.items():
        if key != "$defs":
            yield from _named(value, root, seen)


_RUNS = "One row for each run: `OUT/runs/model=…/scenario=…/day=…/runs.parquet`."
_METRICS = """\
One row for each metric of each run: `OUT/metrics/model=…/scenario=…/day=…/metrics.parquet`. A run that measured nothing
has none."""


def runs() -> str:
    """Describe the columns of the tables of all runs."""
    repeated = {"run_verdict": "`verdict` in [runs](#runs).", **dict.fromkeys(OF_THE_RUN, "As in [runs](#runs).")}
    metrics = _columns(METRICS, {**field_docs(MetricRow), **repeated})
    return f"## Runs\n\n{_RUNS}\n\n{_columns(RUNS, field_docs(RunRow))}\n\n## Metrics\n\n{_METRICS}\n\n{metrics}"


def _columns(schema: pa.Schema, docs: Mapping[str, str]) -> str:
    day = ("day", "date32", "directory", "Day of `created_utc`, in UTC.")
    rows = [
        (each.name, str(each.type), "directory" if each.name in PARTITIONS else "file", prose(docs[each.name]))
        for each in schema
    ]
    return table(("column", "type", "in", "what it is"), ((code(name), *rest) for name, *rest in (*rows, day)))


def settings() -> str:
    """Describe the keys of perfgate.toml by the options whose defaults they set."""
    rows = (
        (
            code(key),
            code(KEYS[key]),
            code(option.envvar) if option.envvar else "",
            prose(sentence(option.help or "")) if isinstance(option, click.Option) else "",
        )
        for key, option in options_of(run)
    )
    options = table(("key", "option", "variable", "what it is"), rows)
    root = config_schema.json_schema()
    severity, accept = root["properties"]["severity"], root["$defs"]["Accept"]
    del accept["properties"]["metric"]["enum"]  # the metrics have a page of their own
    return (
        f"{options}\n\n## `[severity]`\n\n{prose(severity['description'])} Each key is a metric, and its value one "
        f"of {', '.join(code(each) for each in root['$defs']['Severity']['enum'])}: [more](severity.md#severity).\n\n"
        f"## `[[accept]]`\n\n{prose(root['properties']['accept']['description'])} All keys except `scenario` are "
        f"required: [more](severity.md#accepted-regressions).\n\n{keys(accept, root, link=False)}"
    )
