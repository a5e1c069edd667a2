"""What readers of a topic see while a job writes to it, and while a TaskManager dies.

Apache Flink's Kafka sink writes results into a transaction that goes from checkpoint to checkpoint. A reader who asks
for committed records sees them when it is committed; a reader who takes everything sees them at once, also those of a
transaction that is aborted later. Both are ordinary clients of Kafka, and note when they got what.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter, sleep
from typing import Any, NamedTuple

import pandas as pd
from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from recsys_lab.errors import LabError
from recsys_lab.experiments.on_flink.shop_topics import PARTITIONS, shop_between_topics
from recsys_lab.experiments.on_kafka.topics import quiet_client
from recsys_lab.flink import ApacheFlink, JobResult, LocalFlink
from recsys_lab.kafka.connection import Connection
from recsys_lab.threads import alongside

ISOLATION = {"committed": "read_committed", "all": "read_uncommitted"}
RESULTS = 8
"""At least so many are committed, and at least so many more are not, when the TaskManager is killed."""

CHECKPOINT_SECONDS = 1.0
PAUSE_SECONDS, SAFE_SECONDS = 4.0, 3.0
"""Between checkpoints Flink rests so long. Results that come soon after a commit are in no checkpoint yet, then."""

PURCHASE_SECONDS = 0.002
"""A purchase takes so long at least. Else a quick machine is done before there is anything to kill."""

MORE_TRIES = 2

LAST_SECONDS = 30.0
"""So long a reader tries to reach the end of the topic when the job is over."""

SMOOTH = {
    "python.fn-execution.bundle.size": "20",
    "pipeline.auto-watermark-interval": "50 ms",
    "execution.checkpointing.min-pause": f"{int(1000 * PAUSE_SECONDS)} ms",
}
"""Small portions, so that there is a middle."""


class Killed(NamedTuple):
    """What came of a job whose TaskManager was killed.

    seen: a row for each record that a reader got; columns reader ("committed" or "all"), seconds (from the start of
    the job), value (text). moments: what happened when; columns what ("killed", "running again"), seconds.
    result: of the job. topic: that it wrote to.
    """

    seen: pd.DataFrame
    moments: pd.DataFrame
    result: JobResult
    topic: str


MOMENTS = ("written", "committed", "killed", "again", "end")
"""Results stand in an open transaction; the first are committed; the TaskManager is killed; results come again; all
is over."""


def readers_at(killed: Killed, moment: str = "end") -> pd.DataFrame:
    """What both readers had by a moment of that run. moment: of MOMENTS.

    Columns: reader, seconds, value, copy (1, or 2 where this reader had the value before), moment, now (its seconds),
    killed, again (seconds of those moments), length (seconds of the whole run), most (records of a reader in the end).
    """
    seen = killed.seen.sort_values("seconds", kind="stable", ignore_index=True)
    seen = seen.assign(copy=seen.groupby(["reader", "value"]).cumcount() + 1)
    first = float(seen.loc[seen["reader"] == "committed", "seconds"].min())
    died = float(killed.moments["seconds"].iloc[0])
    later = seen.loc[(seen["reader"] == "all") & (seen["seconds"] > died + 1.0), "seconds"]
    length = float(seen["seconds"].max())
    resumed = float(later.iloc[min(RESULTS, len(later)) - 1]) if len(later) else length
    at = dict(zip(MOMENTS, (first - 0.001, first + 0.1, died, resumed, length), strict=True))
    table = seen[seen["seconds"] <= at[moment]]
    most = int(seen.groupby("reader").size().max())
    return table.assign(moment=moment, now=at[moment], killed=died, again=resumed, length=length, most=most)


class Readers:
    """Readers of a topic, each on a thread of its own, from its first record on; a context manager.

    names: of ISOLATION. began: when time begins, as of `perf_counter`.
    """

    def __init__(self, servers: str, topic: str, began: float, names: Sequence[str] = tuple(ISOLATION)) -> None:
        self._began = began
        self._rows: list[tuple[str, float, str]] = []
        self._reading = alongside(*(partial(self._read, servers, topic, name) for name in names))

    def __enter__(self) -> Readers:
        self._reading.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._reading.__exit__(None, None, None)

    def count(self, reader: str) -> int:
        """Records that this reader got so far."""
        return sum(name == reader for name, *_ in self._rows)

    def table(self) -> pd.DataFrame:
        """All that they got: reader, seconds, value."""
        return pd.DataFrame(self._rows, columns=["reader", "seconds", "value"])

    def _read(self, servers: str, topic: str, name: str, over: threading.Event) -> None:
        client = Connection.resolve(servers).client()
        consumer = KafkaConsumer(**client, isolation_level=ISOLATION[name], enable_auto_commit=False)
        try:
            partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            while not over.is_set():
                self._take(name, consumer)
            ends = consumer.end_offsets(partitions)  # what came meanwhile, and nothing less
            until = perf_counter() + LAST_SECONDS
            while perf_counter() < until and any(consumer.position(place) < end for place, end in ends.items()):
                self._take(name, consumer)
        finally:
            consumer.close(autocommit=False)

    def _take(self, name: str, consumer: KafkaConsumer) -> None:
        for records in consumer.poll(50).values():
            now = perf_counter() - self._began
            self._rows += [(name, now, record.value.decode()) for record in records]


def kill_task_manager(cluster: LocalFlink, servers: str, topic: str) -> Killed:
    """Run the shop's job on a cluster from this topic to a new one; kill its TaskManager in the middle; go on.

    It is killed (SIGKILL) when some results are committed and more are in an open transaction, and started again at
    once. On a busy machine that moment may be missed, or be over when the signal arrives, so that nothing is written
    twice; then all is done once more, twice at most. topic: of `purchases_topic`. Takes some twenty seconds. Raises
    LabError when the job ended each time before its TaskManager could be killed.
    """
    for _ in range(MORE_TRIES):
        with contextlib.suppress(LabError):
            killed = _killed_once(cluster, servers, topic)
            if killed.seen.loc[killed.seen["reader"] == "all", "value"].duplicated().any():
                return killed
    return _killed_once(cluster, servers, topic)


@quiet_client()
def _killed_once(cluster: LocalFlink, servers: str, topic: str) -> Killed:
    job, output = shop_between_topics(servers, topic, checkpoint_interval=CHECKPOINT_SECONDS)
    source = job.stream_processor.operators[0].function
    source.decode = _unhurried(source.decode)
    began = perf_counter()
    moments: list[tuple[str, float]] = []
    with Readers(servers, output, began) as readers:

        def watch(over: threading.Event) -> None:
            committed, at = 0, 0.0
            while not over.wait(0.02):
                done, now = readers.count("committed"), perf_counter() - began
                if done > committed:
                    committed, at = done, now
                enough = done >= RESULTS and readers.count("all") >= done + RESULTS
                if enough and now - at < SAFE_SECONDS:
                    cluster.kill_task_manager()
                    moments.append(("killed", perf_counter() - began))
                    cluster.restart_task_manager()
                    moments.append(("a new TaskManager", perf_counter() - began))
                    return

        with alongside(watch):
            result = job.execute("shop, killed once", runtime=ApacheFlink(cluster.address, configuration=SMOOTH))
    if not moments:
        raise LabError("the job ended before its TaskManager could be killed. Run it again, with more purchases.")
    return Killed(readers.table(), pd.DataFrame(moments, columns=["what", "seconds"]), result, output)


def _unhurried(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def decoded(value: bytes) -> Any:
        sleep(PURCHASE_SECONDS)
        return decode(value)

    return decoded
