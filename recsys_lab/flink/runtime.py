"""The local runtime: a job graph at work, round by round.

In each round the sources are read, and then every operator, in the order of the graph, takes the batches of
its inputs and gives one (see `batches`). Between two rounds nothing is under way, so the state of all operators
then is one consistent moment: what Apache Flink reaches by barriers that flow with the records and are aligned
where streams meet, is here just the end of a round. That is where checkpoints are taken.

All subtasks of an operator live in one thread and share its tables. Which subtask a key belongs to
(`keys.subtask_of`) decides nothing that can be seen in the results.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from recsys_lab.clock import Clock
from recsys_lab.errors import CheckpointError, JobError
from recsys_lab.flink.batches import Batch
from recsys_lab.flink.copies import independent_records
from recsys_lab.flink.durations import epoch_ms
from recsys_lab.flink.functions import OperatorFailed
from recsys_lab.flink.graph import JobGraph, StreamOperator
from recsys_lab.flink.operators.aligned import AlignedWindowOperator
from recsys_lab.flink.operators.base import Operator
from recsys_lab.flink.operators.edges import SinkOperator, SourceOperator
from recsys_lab.flink.operators.matching import MatchingOperator
from recsys_lab.flink.operators.processing import IntervalJoinOperator, ProcessOperator, RollingOperator
from recsys_lab.flink.operators.stateless import (
    FilterOperator,
    FlatMapOperator,
    KeyByOperator,
    MapOperator,
    SideOutputOperator,
    UnionOperator,
)
from recsys_lab.flink.operators.timestamps import TimestampsOperator
from recsys_lab.flink.operators.windowing import WindowOperator
from recsys_lab.flink.tables import Table

MIN_FOR_CHANGES = 1_000
"""A checkpoint of fewer values than this is always whole."""

OPERATORS: dict[str, type[Operator]] = {
    "cep": MatchingOperator,
    "co_process": ProcessOperator,
    "filter": FilterOperator,
    "flat_map": FlatMapOperator,
    "interval_join": IntervalJoinOperator,
    "key_by": KeyByOperator,
    "map": MapOperator,
    "process": ProcessOperator,
    "rolling": RollingOperator,
    "side_output": SideOutputOperator,
    "sink": SinkOperator,
    "source": SourceOperator,
    "timestamps": TimestampsOperator,
    "union": UnionOperator,
    "window": WindowOperator,
}
"""What runs each kind of node."""


def operator_for(node: StreamOperator) -> Operator:
    """A fresh operator for a node."""
    if node.kind == "window" and node.options["aligned"]:
        return AlignedWindowOperator(node)
    return OPERATORS[node.kind](node)


Splits = list[tuple[SourceOperator, str]]


@contextlib.contextmanager
def _named(operator: Operator) -> Iterator[None]:
    """What is wrong with the state of an operator is told with the operator's name."""
    try:
        yield
    except OperatorFailed:
        raise
    except JobError as error:
        raise JobError(f"operator {operator.name!r}: {error}") from error


class Run:
    """One run of a job, from a checkpoint or from the beginning, until it ends or fails."""

    def __init__(self, graph: JobGraph, clock: Clock, tracked: bool = True) -> None:
        self.clock = clock
        self.tracked = tracked  # whether state logs its changes for checkpoints
        for node in graph.nodes:
            node.metrics.update(dict.fromkeys(node.metrics, 0))
        self.operators = [operator_for(node) for node in graph.nodes]
        self.sources = [operator for operator in self.operators if isinstance(operator, SourceOperator)]
        self.sinks = [operator for operator in self.operators if isinstance(operator, SinkOperator)]
        for operator in self.operators:
            if isinstance(operator, SideOutputOperator):
                operator.origin = self.operators[operator.node.upstream[0].number]
        readers = Counter(before.number for node in graph.nodes for before in node.upstream)
        self.branching = {number for number, count in readers.items() if count > 1}
        self.outputs: list[Batch] = []
        self.records = 0
        self.now = 0  # processing time of the round, in epoch ms
        self.turn = 0  # of the split that is read next
        self.is_over = False  # all sources have ended
        self.is_finished = False  # and all is committed
        self.is_closed = False

    def open(self, chain: list[dict[str, Any]] | None) -> None:
        """Open functions, restore state, open sources and sinks."""
        self.now = epoch_ms(self.clock.now())
        for operator in self.operators:
            operator.now = self.now
            try:
                operator.open()
            except JobError:
                raise
            except Exception as error:
                raise OperatorFailed(operator.name, "its opening", error) from error
        if chain is not None:
            self._restore(chain)
        for operator in self.operators:
            for table in operator.tables.values():
                table.tracked = self.tracked
        for sink in self.sinks:
            sink.begin(None if chain is None else chain[-1]["sinks"].get(str(sink.node.number)))
        for source in self.sources:
            source.open_splits()

    def round(self, most: int) -> int:
        """Read up to about `most` records, and work them through; gives how many there were.

        Splits take turns, a record each, whatever the size of the round. The turn after its last record ends a
        split; when all have ended, everything fires that waits for more.
        """
        splits = [(source, split) for source in self.sources for split in source.readers]
        for source in self.sources:
            source.read_now = {}
        if self.turn or most < len(splits):
            turns, places, stride = self._read_one(splits)
        else:
            turns, places, stride = self._read_many(splits, most // len(splits))
        reads = [records for source in self.sources for records in source.read_now.values()]
        arrivals = [records.arrived for records in reads if records.arrived is not None]
        self.now = max(self.now, *arrivals) if arrivals else max(self.now, epoch_ms(self.clock.now()))
        for source in self.sources:
            source.hand_on(turns, places, stride)
        self.outputs = []
        for operator in self.operators:
            operator.now = self.now
            self._work(operator)
        count = sum(len(part.values) for source in self.sources for part in source.parts)
        self.records += count
        self.is_over = all(source.has_ended() for source in self.sources)
        return count

    def _read_many(self, splits: Splits, each: int) -> tuple[int, dict[tuple[int, str], int], int]:
        """`each` records of every split: (turns, place of each split's first record, turns between its records)."""
        longest = 0
        for source, split in splits:
            was_over = split in source.ended
            records = source.read(split, each)
            longest = max(longest, len(records.values) + (records.ended and not was_over))
        places = {(source.node.number, split): place for place, (source, split) in enumerate(splits)}
        return longest * len(splits), places, len(splits)

    def _read_one(self, splits: Splits) -> tuple[int, dict[tuple[int, str], int], int]:
        """One record of the split whose turn it is; splits that are found to have ended come before."""
        places: dict[tuple[int, str], int] = {}
        for _ in splits:
            source, split = splits[self.turn]
            self.turn = (self.turn + 1) % len(splits)
            if split not in source.ended:
                places[source.node.number, split] = len(places)
                if source.read(split, 1).values:
                    break
        return len(places), places, 1

    def _work(self, operator: Operator) -> None:
        if isinstance(operator, TimestampsOperator):
            origin = self.operators[operator.node.upstream[0].number]
            inputs = origin.parts if isinstance(origin, SourceOperator) else [self.outputs[origin.node.number]]
        else:
            inputs = [self._output(node.number) for node in operator.node.upstream]
        with _named(operator):
            output = operator.process(inputs)
        operator.watermark = output.watermarks[-1]
        self.outputs.append(output)
        metrics = operator.metrics
        if inputs:
            metrics["records_in"] += sum(len(batch.values) for batch in inputs)
            metrics["records_out"] += len(output.values)

    def _output(self, number: int) -> Batch:
        """What an operator gave in this round; a copy where several read it, and one could change it for the others."""
        batch = self.outputs[number]
        if number not in self.branching:
            return batch
        return batch.with_records(independent_records(batch.values), batch.timestamps, batch.positions, batch.keys)

    # -- state --

    def snapshot(self, full: bool, number: int) -> dict[str, Any]:
        """All state as plain data: whole, or what changed since the last one.

        number: of the checkpoint that it is for. Sinks begin new transactions.
        """
        operators = {}
        for operator in self.operators:
            with _named(operator):
                tables = {name: table.snapshot(full) for name, table in operator.tables.items()}
            operators[str(operator.node.number)] = {"facts": operator.facts(), "tables": tables}
        sinks = {str(sink.node.number): sink.pre_commit(number) for sink in self.sinks}
        return {"operators": operators, "sinks": sinks, "records": self.records, "turn": self.turn}

    def size(self) -> tuple[int, int]:
        """(values in all tables, values changed since the last snapshot)."""
        tables = [table for operator in self.operators for table in operator.tables.values()]
        return sum(map(len, tables)), sum(table.changes() for table in tables)

    def commit(self, number: int) -> None:
        """The checkpoint of that number is complete: show what was written up to it."""
        for sink in self.sinks:
            sink.commit(number)

    def _restore(self, chain: list[dict[str, Any]]) -> None:
        for operator in self.operators:
            number = str(operator.node.number)
            for content in chain:
                for name, saved in content["operators"][number]["tables"].items():
                    operator.tables.setdefault(name, Table()).apply(saved)
            for table in operator.tables.values():
                table.forget_changes()
            try:
                operator.restore_facts(chain[-1]["operators"][number]["facts"])
            except (KeyError, TypeError) as error:
                raise CheckpointError(f"state of {operator.name!r} cannot be restored: {error!r}.") from error
            operator.restored()
        self.records, self.turn = chain[-1]["records"], chain[-1]["turn"]

    def close(self) -> None:
        """Let go of everything, once; what fails then is of no interest any more."""
        if self.is_closed:
            return
        self.is_closed = True
        for operator in reversed(self.operators):
            with contextlib.suppress(Exception):
                operator.close()
