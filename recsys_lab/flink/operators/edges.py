"""The two ends of a job: sources that are read in rounds, and sinks."""

from __future__ import annotations

from typing import Any

from recsys_lab.errors import JobError
from recsys_lab.flink.batches import Batch, merge
from recsys_lab.flink.functions import OperatorFailed
from recsys_lab.flink.operators.base import Operator
from recsys_lab.flink.sinks import TransactionalSink
from recsys_lab.flink.sources import EndingReader, Records, Source, SplitReader
from recsys_lab.flink.watermarks import MAX_WATERMARK, MIN_WATERMARK

_NOTHING = Records(())
_NO_MORE = Records((), None, True)


class SourceOperator(Operator):
    """Reads the splits of a source; each of them is a part of its own, as long as it matters."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.source: Source = node.function
        self.offsets: dict[str, Any] = {}
        self.ends: dict[str, Any] = {}  # where splits end that grow meanwhile
        self.ended: set[str] = set()
        self.readers: dict[str, SplitReader] = {}
        self.read_now: dict[str, Records] = {}
        self.ending: set[str] = set()
        self.parts: list[Batch] = []

    def open_splits(self) -> None:
        """Open every split where the restored offsets say; new splits begin at the beginning.

        A split that ends does so where it ended when the job started.
        """
        try:
            splits = self.source.splits()
        except JobError:
            raise
        except Exception as error:
            raise OperatorFailed(self.name, "its splits", error) from error
        for split in splits:
            try:
                reader = self.readers[split] = self.source.open(split, self.offsets.get(split))
            except JobError:
                raise
            except Exception as error:
                raise OperatorFailed(self.name, f"split {split}", error) from error
            if isinstance(reader, EndingReader) and reader.end is not None:
                reader.end = self.ends.setdefault(split, reader.end)

    def read(self, split: str, most: int) -> Records:
        """Up to `most` further records of a split, to be handed on in this round.

        A split has a turn for each record, and one in which it is found to have ended.
        """
        if split in self.ended or split in self.ending:
            records = _NO_MORE
        else:
            reader = self.readers[split]
            try:
                records = reader.read(most)
            except JobError:
                raise
            except Exception as error:
                raise OperatorFailed(self.name, f"split {split} at offset {reader.offset}", error) from error
            if records.ended and len(records.values) == most:  # the turn in which it ends is the next
                self.ending.add(split)
                records = records._replace(ended=False)
            self.metrics["records_out"] += len(records.values)
        self.read_now[split] = records
        return records

    def has_ended(self) -> bool:
        """Whether every split has."""
        return len(self.ended) == len(self.readers)

    def hand_on(self, turns: int, places: dict[tuple[int, str], int], stride: int) -> None:
        """Place what was read: the i-th record of a split at its place + i × stride."""
        self.parts = []
        for split in self.readers:
            records = self.read_now.get(split, _NOTHING)
            place, count = places.get((self.node.number, split), 0), len(records.values)
            before = turns + 1
            if split in self.ended:
                before = 0
            elif records.ended:
                before = place + count * stride + 1
                self.ended.add(split)
            watermarks = [MIN_WATERMARK] * before + [MAX_WATERMARK] * (turns + 1 - before)
            positions = None if stride == 1 and count == turns else range(place, place + count * stride, stride)
            self.parts.append(Batch(records.values, records.timestamps, positions, watermarks))
        self.read_now = {}

    def process(self, inputs: list[Batch]) -> Batch:
        return merge(self.parts, self.watermark)

    def close(self) -> None:
        for reader in self.readers.values():
            reader.close()

    def facts(self) -> dict[str, Any]:
        offsets = {split: reader.offset for split, reader in self.readers.items()}
        ended = sorted(self.ended | self.ending)
        return {**super().facts(), "offsets": offsets, "ends": self.ends, "ended": ended}

    def restore_facts(self, facts: dict[str, Any]) -> None:
        super().restore_facts(facts)
        self.offsets = facts["offsets"]
        self.ends = facts.get("ends", {})  # older checkpoints have none
        self.ending = set(facts["ended"])


class SinkOperator(Operator):
    """Hands records to a sink: a plain function, or a transactional one."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.sink = node.function
        self.transactional = isinstance(node.function, TransactionalSink)
        self.prepared: dict[int, Any] = {}  # by the number of the checkpoint that they wait for
        self.has_begun = False

    def begin(self, prepared: list[Any] | None) -> None:
        """Before the first round. prepared: what the checkpoint holds that the run starts from."""
        if self.transactional:
            try:
                self.sink.begin(prepared)
            except JobError:
                raise
            except Exception as error:
                raise OperatorFailed(self.name, "its beginning", error) from error
            self.has_begun = True

    def process(self, inputs: list[Batch]) -> Batch:
        batch = inputs[0]
        values = batch.values
        if not values:
            return batch
        if self.transactional:
            try:
                self.sink.write(values)
            except Exception as error:
                raise OperatorFailed(self.name, f"{len(values)} records", error) from error
        else:
            progress = iter(values)
            try:
                for value in progress:
                    self.sink(value)
            except Exception as error:
                raise self.failed(values, progress, error) from error
        return batch

    def pre_commit(self, checkpoint: int) -> list[Any]:
        """What the checkpoint of that number has to hold: all transactions that are prepared and not yet
        committed; `commit` comes when it is complete.
        """
        if self.transactional:
            try:
                self.prepared[checkpoint] = self.sink.pre_commit()
            except JobError:
                raise
            except Exception as error:
                raise OperatorFailed(self.name, f"checkpoint {checkpoint}", error) from error
        return list(self.prepared.values())

    def commit(self, checkpoint: int) -> None:
        """The checkpoint of that number is complete: it holds the transactions of those before it that are not yet
        committed too, and none of them may be overtaken.
        """
        for number in [number for number in self.prepared if number <= checkpoint]:
            prepared = self.prepared[number]
            try:
                self.sink.commit(prepared)
            except Exception as error:
                raise OperatorFailed(self.name, f"commit of {prepared!r}", error) from error
            del self.prepared[number]

    def close(self) -> None:
        if self.has_begun:
            self.sink.close()
