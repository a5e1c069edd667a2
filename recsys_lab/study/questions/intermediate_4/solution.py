"""Defaults for what is new, an alias for what is renamed, both schemas to read with, and rules for what may change."""

from __future__ import annotations

import io
from typing import Any, ClassVar

from fastavro import parse_schema, schemaless_reader

Schema = dict[str, Any]


class Visits:
    """The second schema, how to read a topic with both, and which schemas may follow which."""

    V2: ClassVar[Schema] = {
        "type": "record",
        "name": "Visit",
        "fields": [
            {"name": "user", "type": "string"},
            {"name": "item", "type": "string"},
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "default": "other",
                                      "symbols": ["view", "purchase", "other", "wish"]}},
            {"name": "channel", "type": "string", "default": "unknown", "aliases": ["device"]},
            {"name": "session", "type": ["null", "string"], "default": None},
            {"name": "weight", "type": "double", "default": 1.0},
        ],
    }  # fmt: skip

    def read(self, messages: list[tuple[int, bytes]], schemas: dict[int, Schema], version: int) -> list[Any]:
        parsed: dict[int, Any] = {number: parse_schema(schema) for number, schema in schemas.items()}
        return [
            schemaless_reader(io.BytesIO(payload), parsed[written_with], parsed[version])
            for written_with, payload in messages
        ]

    def may_follow(self, old: Schema, new: Schema) -> bool:
        return _reads(new, old) and _reads(old, new)


_WIDER = {"int": {"long", "float", "double"}, "long": {"float", "double"}, "float": {"double"}}


def _reads(reader: Any, writer: Any) -> bool:
    """Can everything that was written with `writer` be read with `reader`?"""
    if isinstance(writer, list):
        return all(_reads(reader, branch) for branch in writer)
    if isinstance(reader, list):
        return any(_reads(branch, writer) for branch in reader)
    if isinstance(writer, str) or isinstance(reader, str):
        return bool(reader == writer or (isinstance(reader, str) and reader in _WIDER.get(writer, ())))
    if writer["type"] != reader["type"] or writer.get("name") != reader.get("name"):
        return False
    if writer["type"] == "enum":
        return "default" in reader or set(writer["symbols"]) <= set(reader["symbols"])
    if writer["type"] == "record":
        types = {field["name"]: field["type"] for field in writer["fields"]}
        return all(_finds(field, types) for field in reader["fields"])
    return True


def _finds(field: Schema, types: dict[str, Any]) -> bool:
    """Is there a value for the reader's field: one that was written, under its name or an alias, or its default?"""
    found = next((name for name in [field["name"], *field.get("aliases", [])] if name in types), None)
    return "default" in field if found is None else _reads(field["type"], types[found])
