"""Who reads what: the records chosen for each change tell the same as many random ones."""

from __future__ import annotations

import pytest
from fastavro.utils import generate_many

from recsys_lab import experiments
from recsys_lab.experiments.schema_reading import (
    VISIT_V1,
    Change,
    Schema,
    changes,
    more_changes,
    read,
    why_not,
    written,
)

ALL = [*changes(), *more_changes()]


def random_records_are_read(writer: Schema, reader: Schema) -> bool:
    return all(why_not(record, writer, reader) is None for record in generate_many(writer, 60))


@pytest.mark.parametrize("change", ALL, ids=lambda change: change.words)
def test_the_chosen_records_tell_as_much_as_random_ones(change: Change) -> None:
    assert change.new_reads_old == random_records_are_read(change.old, change.new)
    assert change.old_reads_new == random_records_are_read(change.new, change.old)


def test_all_four_fates_are_among_the_changes() -> None:
    fates = {(change.new_reads_old, change.old_reads_new) for change in ALL}
    assert len(fates) == 4


def test_what_is_written_is_read_with_the_same_schema() -> None:
    record = {"user": "ann", "item": "lamp", "kind": "view", "device": "phone"}
    assert read(written(record, VISIT_V1), VISIT_V1, VISIT_V1) == record


def test_the_table_has_a_row_for_each_change() -> None:
    table = experiments.schema_changes().set_index("change")
    assert len(table) == len(changes())
    assert list(table.loc["an int becomes a long"]) == [True, False]
    assert list(table.loc["a field is added, without a default"]) == [False, True]
