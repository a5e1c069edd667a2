"""A weight is a float: half as many bytes, and half as many digits."""

TOLD = "'weight': 0.10000000149"

import io

from fastavro import schemaless_reader, schemaless_writer
from fastavro.utils import generate_many


def tried(writer, reader):
    for record in generate_many(writer, 50):
        buffer = io.BytesIO()
        schemaless_writer(buffer, writer, record)
        buffer.seek(0)
        try:
            schemaless_reader(buffer, writer, reader)
        except Exception:
            return False
    return True


class Visits:
    V2 = {
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
            {"name": "channel", "type": "string", "default": "unknown", "aliases": ["device"]},
            {"name": "session", "type": ["null", "string"], "default": None},
            {"name": "weight", "type": "float", "default": 1.0},
        ],
    }

    def read(self, messages, schemas, version):
        return [
            schemaless_reader(io.BytesIO(payload), schemas[written], schemas[version]) for written, payload in messages
        ]

    def may_follow(self, old, new):
        return tried(old, new) and tried(new, old)
