"""Whoever has a default can always read, it thinks; also where something else was written."""

TOLD = "may_follow, when a field that has a default gets another type, says True"

import io

from fastavro import parse_schema, schemaless_reader


def unread(reader, writer):
    if isinstance(writer, list):
        return any(unread(reader, each) for each in writer)
    if isinstance(reader, list):
        return all(unread(each, writer) for each in reader)
    if isinstance(reader, dict) and isinstance(writer, dict):
        return "default" not in reader and not set(writer["symbols"]) <= set(reader["symbols"])
    order = ["int", "long", "float", "double"]
    if reader in order and writer in order:
        return order.index(writer) > order.index(reader)
    return reader != writer


def missing(reader, writer):
    known = {field["name"]: field["type"] for field in writer["fields"]}
    for field in reader["fields"]:
        names = [name for name in [field["name"]] + field.get("aliases", []) if name in known]
        if "default" not in field and (not names or unread(field["type"], known[names[0]])):
            yield field["name"]


class Visits:
    V2 = parse_schema(
        {
            "type": "record",
            "name": "Visit",
            "fields": [
                {"name": "user", "type": "string"},
                {"name": "item", "type": "string"},
                {
                    "name": "kind",
                    "type": {
                        "type": "enum",
                        "name": "Kind",
                        "symbols": ["view", "purchase", "other", "wish"],
                        "default": "other",
                    },
                },
                {"name": "channel", "default": "-", "type": "string", "aliases": ["device"]},
                {"name": "session", "type": ["null", "string"], "default": None},
                {"name": "weight", "type": "double", "default": 1.0},
            ],
        }
    )

    def read(self, messages, schemas, version):
        mine = parse_schema(schemas[version])
        for number, payload in messages:
            yield schemaless_reader(io.BytesIO(payload), parse_schema(schemas[number]), mine)

    def may_follow(self, old, new):
        return not list(missing(old, new)) and not list(missing(new, old))
