"""Who can still read what: messages written with one Avro schema, read with another.

A message holds no names, only values in the order of the writer's schema; so a reader needs both, the writer's schema
and its own. Rules as in the Apache Avro specification, "Schema Resolution"; fastavro applies them here.
"""

from __future__ import annotations

import copy
import io
from dataclasses import dataclass
from typing import Any

import pandas as pd
from fastavro import parse_schema, schemaless_reader, schemaless_writer

Schema = dict[str, Any]
Message = tuple[int, bytes]
"""The version that it was written with, and the values."""

VISIT_V1: Schema = {
    "type": "record",
    "name": "Visit",
    "fields": [
        {"name": "user", "type": "string"},
        {"name": "item", "type": "string"},
        {
            "name": "kind",
            "type": {"type": "enum", "name": "Kind", "symbols": ["view", "purchase", "other"], "default": "other"},
        },
        {"name": "device", "type": "string", "default": "unknown"},
    ],
}


def written(record: dict[str, Any], schema: Schema) -> bytes:
    """The record as Avro, without names and without schema."""
    buffer = io.BytesIO()
    schemaless_writer(buffer, _parsed(schema), record)
    return buffer.getvalue()


def read(payload: bytes, writer: Schema, reader: Schema) -> Any:
    """What a reader with its own schema makes of what was written with another. Raises what fastavro raises."""
    return schemaless_reader(io.BytesIO(payload), _parsed(writer), _parsed(reader))


def why_not(record: dict[str, Any], writer: Schema, reader: Schema) -> str | None:
    """Why the reader can't read that record, in fastavro's words; None when it can."""
    payload = written(record, writer)
    try:
        read(payload, writer, reader)
    except Exception as error:
        return f"{type(error).__name__}: {error!s:.80}"
    return None


def _parsed(schema: Schema) -> Any:
    return parse_schema(copy.deepcopy(schema))


@dataclass(frozen=True)
class Change:
    """A change of a schema, in words, with records that may be written before and after it."""

    words: str
    old: Schema
    new: Schema
    before: tuple[dict[str, Any], ...]
    after: tuple[dict[str, Any], ...]

    @property
    def new_reads_old(self) -> bool:
        return all(why_not(record, self.old, self.new) is None for record in self.before)

    @property
    def old_reads_new(self) -> bool:
        return all(why_not(record, self.new, self.old) is None for record in self.after)


def _order(**fields: Any) -> Schema:
    """A record of the fields: a type, or a pair of type and default."""
    described = [
        {"name": name, "type": kind[0], "default": kind[1]} if isinstance(kind, tuple) else {"name": name, "type": kind}
        for name, kind in fields.items()
    ]
    return {"type": "record", "name": "Order", "fields": described}


def _enum(*symbols: str, default: str | None = None) -> Schema:
    chosen = {} if default is None else {"default": default}
    return {"type": "enum", "name": "State", "symbols": list(symbols), **chosen}


def _renamed(schema: Schema, old: str, new: str) -> Schema:
    """The schema with a field of another name, and the old one as its alias."""
    fields = [{**field, "name": new, "aliases": [old]} if field["name"] == old else field for field in schema["fields"]]
    return {**schema, "fields": fields}


def changes() -> list[Change]:
    """Changes that everybody makes one day."""
    plain, one = _order(id="string", amount="int"), {"id": "a", "amount": 5}
    noted = _order(id="string", amount="int", note=("string", "none"))
    maybe, given = ["null", "string"], {"id": "a"}
    return [
        Change("a field is added, with a default", plain, noted, (one,), ({**one, "note": "x"},)),
        Change("a field is added, without a default", plain, _order(id="string", amount="int", note="string"),
               (one,), ({**one, "note": "x"},)),
        Change("a field that has a default is taken out", noted, plain, ({**one, "note": "x"},), (one,)),
        Change("a field that has no default is taken out", plain, _order(id="string"), (one,), (given,)),
        Change("a field that has a default is renamed, with an alias", noted, _renamed(noted, "note", "remark"),
               ({**one, "note": "x"},), ({**one, "remark": "x"},)),
        Change("a field that has no default is renamed, with an alias", plain, _renamed(plain, "amount", "pence"),
               (one,), ({"id": "a", "pence": 5},)),
        Change("an int becomes a long", plain, _order(id="string", amount="long"), (one,), ({"id": "a", "amount": 7},)),
        Change("a string may be null as well", _order(id="string"), _order(id=maybe), (given,),
               (given, {"id": None})),
        Change("an enum gets a symbol, and its readers have a default",
               _order(state=_enum("open", "paid", default="open")),
               _order(state=_enum("open", "paid", "sent", default="open")),
               ({"state": "open"}, {"state": "paid"}), ({"state": "open"}, {"state": "sent"})),
        Change("an enum gets a symbol, and its readers have no default", _order(state=_enum("open", "paid")),
               _order(state=_enum("open", "paid", "sent")), ({"state": "open"}, {"state": "paid"}),
               ({"state": "open"}, {"state": "sent"})),
    ]  # fmt: skip


def more_changes() -> list[Change]:
    """Others, for who has learned those of `changes` by heart."""
    plain, one = _order(id="string", amount="int"), {"id": "a", "amount": 5}
    maybe = ["null", "string"]
    return [
        Change("nothing changes", plain, plain, (one,), (one,)),
        Change("the fields come in another order", plain, _order(amount="int", id="string"), (one,), (one,)),
        Change("a field that may be null is added, null by default", plain,
               _order(id="string", amount="int", note=(maybe, None)), (one,), ({**one, "note": "x"},)),
        Change("a default changes", _order(id="string", amount=("int", 1)), _order(id="string", amount=("int", 2)),
               (one,), (one,)),
        Change("a field that has a default gets another type", _order(id="string", note=("string", "")),
               _order(id="string", note=("int", 0)), ({"id": "a", "note": "x"},), ({"id": "a", "note": 5},)),
        Change("a field is described", plain, {**plain, "doc": "an order"}, (one,), (one,)),
        Change("an int becomes a string", plain, _order(id="string", amount="string"), (one,),
               ({"id": "a", "amount": "5"},)),
        Change("a double becomes a float", _order(amount="double"), _order(amount="float"), ({"amount": 1.5},),
               ({"amount": 1.5},)),
        Change("what may be null may be so no more", _order(id=maybe), _order(id="string"), ({"id": "a"}, {"id": None}),
               ({"id": "a"},)),
        Change("an enum loses a symbol", _order(state=_enum("open", "paid", "sent")),
               _order(state=_enum("open", "paid")), ({"state": "sent"},), ({"state": "paid"},)),
        Change("two fields are added, one of them without a default", plain,
               _order(id="string", amount="int", note=("string", ""), till="string"), (one,),
               ({**one, "note": "", "till": "north"},)),
    ]  # fmt: skip


def schema_changes() -> pd.DataFrame:
    """Who reads what after each of the usual changes. Columns: change, new_reads_old, old_reads_new."""
    rows = [(each.words, each.new_reads_old, each.old_reads_new) for each in changes()]
    return pd.DataFrame(rows, columns=["change", "new_reads_old", "old_reads_new"])
