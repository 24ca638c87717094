"""Tables of keys, from a JSON Schema: key, type, default, description."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from docs.reference.make.markdown import code, prose, sentence, table

Schema = dict[str, Any]

_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def definition(schema: Schema, root: Schema) -> tuple[str, Schema]:
    """Resolve a reference to the definition's name and content; without a reference, the name is empty."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return (name, root["$defs"][name]) if name else ("", schema)


def keys(schema: Schema, root: Schema, *, link: bool) -> str:
    """Return the table of one schema's keys; `link`: for a JSON document, with links to the objects in it."""
    rows = []
    with_default = not link
    for key, value in schema["properties"].items():
        _, target = definition(value, root)
        what = prose(sentence(value.get("description") or target.get("description", "")))
        default = [_default(value)] if with_default else []
        rows.append((code(key), type_words(value, root, link=link), *default, what))
    return table(("key", "type", *(["default"] if with_default else []), "what it is"), rows)


def _default(value: Schema) -> str:
    default = value.get("default")
    if default is None or isinstance(default, dict):
        return ""
    return code(json.dumps(int(default) if isinstance(default, float) and default.is_integer() else default))


def type_words(schema: Schema, root: Schema, *, link: bool) -> str:
    """Describe in words which values are allowed, including their bounds."""
    words = list(dict.fromkeys(_alternatives(schema, root, link=link)))
    return " or ".join(words)


def _alternatives(schema: Schema, root: Schema, *, link: bool) -> Iterator[str]:
    name, target = definition(schema, root)
    kinds = schema.get("type")
    if "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _alternatives(each, root, link=link)
    elif "enum" in target:
        yield ", ".join(code(each) for each in target["enum"])
    elif name:
        yield f"[{name}](#{name.lower()})" if link else "table"
    elif isinstance(kinds, list):
        yield from kinds
    elif kinds == "array":
        yield _array(schema, root, link=link)
    elif kinds == "object":
        yield _mapping(schema, root, link=link)
    elif kinds == "string" and "examples" in schema:
        yield "string such as " + ", ".join(code(json.dumps(each)) for each in schema["examples"])
    else:
        names = {"string": "string", "integer": "whole number", "boolean": "`true`, `false`", None: "any"}
        yield " ".join([names.get(kinds, str(kinds)), *_limits(schema)])


def _limits(schema: Schema) -> Iterator[str]:
    found = [f"{words} {schema[key]:,}" for key, words in _BOUNDS.items() if key in schema]
    if found:
        yield ", ".join(found)


def _array(schema: Schema, root: Schema, *, link: bool) -> str:
    if "prefixItems" in schema:
        words = [type_words(each, root, link=link) for each in schema["prefixItems"]]
        return f"array of {len(words)}: {', '.join(words)}"
    return f"array of {_plural(type_words(schema.get('items', {}), root, link=link))}"


def _mapping(schema: Schema, root: Schema, *, link: bool) -> str:
    values = schema.get("additionalProperties")
    if not isinstance(values, dict) or not values:
        return "object" if link else "table"
    return f"{_plural(type_words(values, root, link=link))} by name"


def _plural(words: str) -> str:
    """Return the plural of a description: `whole numbers at least 0`, `numbers or null`."""
    return re.sub(r"^(string|whole number|number|array|object|table)\b", r"\1s", words)
