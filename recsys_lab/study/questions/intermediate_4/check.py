"""Messages of both versions are written and read, a topic of both is replayed, and changes of schemas are judged."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from fastavro import parse_schema

from recsys_lab.errors import shorten
from recsys_lab.experiments.schema_reading import (
    VISIT_V1,
    Change,
    Message,
    Schema,
    changes,
    more_changes,
    read,
    why_not,
    written,
)
from recsys_lab.study.report import NotYet, expect, given
from recsys_lab.study.shrink import smallest

SECONDS = 20.0
MESSAGES = 60

V1_RECORD = {"user": "ann", "item": "lamp", "kind": "purchase", "device": "phone"}
V2_RECORD = {"user": "bob", "item": "mug", "kind": "wish", "channel": "app", "session": "s-7", "weight": 0.1}
CODE = {1: "old code", 2: "new code"}


def check(make: Callable[[], Any]) -> str:
    """`make` makes an object with V2, read and may_follow."""
    visits = make()
    v2 = given(visits.V2)
    _expect_schema(v2)
    schemas = {1: VISIT_V1, 2: v2}
    _expect_evolved(schemas)
    _expect_replayed(visits.read, schemas)
    refused = _expect_judged(visits.may_follow, v2)
    return (
        f"old and new code read both versions, a mixed topic of {MESSAGES} messages is replayed right by both, and "
        f"{refused} breaking changes are refused while the others may be made."
    )


def _expect_schema(v2: Any) -> None:
    expect(isinstance(v2, dict), f"V2 is {shorten(v2)}; an Avro schema as a dict is needed.")
    try:
        parse_schema(copy.deepcopy(v2))
    except Exception as error:
        raise NotYet(f"V2 is no Avro schema: {type(error).__name__}: {error!s:.120}") from None


def _seen_as(record: dict[str, Any], version: int) -> dict[str, Any]:
    """What code of that version makes of a record, by the exercise's own words."""
    if version == 2:
        return record if "channel" in record else _newer(record)
    if "channel" not in record:
        return record
    kind = record["kind"] if record["kind"] != "wish" else "other"
    return {"user": record["user"], "item": record["item"], "kind": kind, "device": "unknown"}


def _newer(record: dict[str, Any]) -> dict[str, Any]:
    kept = {name: record[name] for name in ("user", "item", "kind")}
    return {**kept, "channel": record["device"], "session": None, "weight": 1.0}


def _expect_evolved(schemas: dict[int, Schema]) -> None:
    """Raise NotYet unless each version reads each."""
    records: dict[int, list[dict[str, Any]]] = {
        2: [V2_RECORD, {**V2_RECORD, "session": None, "kind": "view"}],
        1: [V1_RECORD],
    }
    for writer, reader in ((2, 2), (1, 2), (2, 1)):
        for record in records[writer]:
            try:
                payload = written(record, schemas[writer])
            except Exception as error:
                raise NotYet(f"{record} can't be written with V2: {type(error).__name__}: {error!s:.120}") from None
            seen = f"a message of version {writer}, {record}, is read by {CODE[reader]}"
            problem = why_not(record, schemas[writer], schemas[reader])
            expect(problem is None, f"{seen}, and it can't: {problem}")
            got = read(payload, schemas[writer], schemas[reader])
            right = _seen_as(record, reader)
            expect(got == right, f"{seen} as {got}; needed is {right}.")


def _topic(schemas: dict[int, Schema]) -> list[tuple[Message, dict[str, Any]]]:
    """Messages of both versions, mixed, as while a new release is rolled out; and what was written."""
    random = Random(4)
    topic: list[tuple[Message, dict[str, Any]]] = []
    for number in range(MESSAGES):
        record: dict[str, Any] = {"user": random.choice(["ann", "bob"]), "item": f"item {number}"}
        record["kind"] = random.choice(["view", "purchase", "other"])
        version = random.choice([1, 2])
        if version == 1:
            record["device"] = random.choice(["phone", "desk"])
        else:
            record |= {"kind": random.choice([record["kind"], "wish"]), "channel": random.choice(["app", "web"])}
            record |= {"session": random.choice([None, "s-1"]), "weight": random.choice([0.1, 2.0])}
        topic.append(((version, written(record, schemas[version])), record))
    return topic


def _expect_replayed(read_all: Callable[..., Any], schemas: dict[int, Schema]) -> None:
    """Raise NotYet, with the smallest topic found, unless both codes read the mixed topic right."""
    topic = _topic(schemas)
    for version in (1, 2):

        def fault(some: Sequence[tuple[Message, dict[str, Any]]], version: int = version) -> str | None:
            right = [_seen_as(record, version) for _, record in some]
            try:
                returned = read_all([message for message, _ in some], copy.deepcopy(schemas), version)
                got = [] if returned is ... else list(returned)
            except Exception as error:
                return f"it raised {type(error).__name__}: {error!s:.120}"
            return None if got == right else f"it gave {shorten(got, 200)}; needed is {shorten(right, 200)}."

        if fault(topic) is not None:
            small, said = smallest(topic, fault, tries=200)
            versions = ", ".join(str(message[0]) for message, _ in small) or "none"
            raise NotYet(f"read, as {CODE[version]}, of messages written with versions {versions}: {said}")


def _expect_judged(may_follow: Callable[..., Any], v2: Schema) -> int:
    """Raise NotYet unless each change is judged right; gives how many are refused."""
    own = Change("version 1 of Visit becomes your version 2", VISIT_V1, v2, (V1_RECORD,), (V2_RECORD,))
    refused = 0
    for change in (own, *changes(), *more_changes()):
        try:
            said = may_follow(copy.deepcopy(change.old), copy.deepcopy(change.new))
        except Exception as error:
            raise NotYet(f"may_follow, when {change.words}, raised {type(error).__name__}: {error!s:.120}") from None
        right = change.new_reads_old and change.old_reads_new
        expect(
            isinstance(said, bool), f"may_follow, when {change.words}, gave {shorten(said)}; True or False is needed."
        )
        refused += not right
        if said != right:
            raise NotYet(f"may_follow, when {change.words}, says {said}. {_because(change)}")
    return refused


def _because(change: Change) -> str:
    """Who can read what after the change."""
    if not change.new_reads_old:
        return "But there are messages of the old schema which the new code can't read."
    if not change.old_reads_new:
        return "But there are messages of the new schema which the old code can't read."
    return "But everything that is written with either schema can be read with the other."
