"""Dataflow: programs over streams, as Apache Flink has them, on a runtime that one can step through.

A job is a graph of operators; records flow through it in order, each with a timestamp; watermarks say how far
event time has come; keyed state, windows and timers remember; checkpoints make all of it survive a crash. The
modules, in the order of reading:

    durations, watermarks      time: whole milliseconds; how a stream says "I have seen everything up to here"
    windows                    which finite piece of the stream an element counts in, and when a piece is done
    functions                  what a student writes
    state                      what a function remembers of each key
    graph, streams             the program: nodes, and the streams between them
    sources, sinks             both ends: offsets to go back to, transactions to commit
    processor, restarts        build, execute, recover
    stepper                    one record at a time, with everything that goes on inside
    kafka                      topics at both ends, exactly once
    cep                        patterns over events
    recommendation_job         a recommender as a dataflow

and behind them the local runtime:

    batches                    what flows between operators: records, with the watermark before each
    tables, codec              state as plain values that know what changed; as bytes and back
    keys                       key groups: who keeps the state of which key
    operators/                 one for each kind of node: batches in, a batch out
    runtime                    rounds: read, work through, stand still
    checkpoints                the state of a moment, on disk whole or not at all

    apache, cluster            the same job on Apache Flink, which starts here as child processes

It rests on four mechanisms: a batch that knows the watermark at every position, a table that logs its changes, a
fold for everything that accumulates, a round after which nothing is under way. Semantics are Apache Flink's.
"""

from recsys_lab.flink.apache import ApacheFlink
from recsys_lab.flink.cluster import LocalFlink
from recsys_lab.flink.durations import epoch_ms, moment_of
from recsys_lab.flink.functions import (
    AggregateFunction,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    FilterFunction,
    FlatMapFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    MapFunction,
    OperatorFailed,
    OutputTag,
    ProcessFunction,
    ProcessJoinFunction,
    ProcessWindowFunction,
    ReduceFunction,
    RuntimeContext,
    WindowFunction,
)
from recsys_lab.flink.graph import JobGraph, StreamOperator
from recsys_lab.flink.kafka import KafkaSink, KafkaSource
from recsys_lab.flink.processor import FlinkStreamProcessor, JobResult
from recsys_lab.flink.recommendation_job import FlinkRecommendationJob, UserProfileAggregator
from recsys_lab.flink.restarts import RestartStrategies
from recsys_lab.flink.sinks import FileSink, ListSink, TransactionalSink
from recsys_lab.flink.sources import FileSource, ListSource, Records, Source, SplitReader, StreamSource
from recsys_lab.flink.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)
from recsys_lab.flink.stepper import Step, Stepper
from recsys_lab.flink.streams import ConnectedStreams, DataStream, KeyedStream, WindowedStream
from recsys_lab.flink.watermarks import MAX_WATERMARK, MIN_WATERMARK, WatermarkStrategy
from recsys_lab.flink.windows import (
    CountTrigger,
    EventTimeSessionWindows,
    EventTimeTrigger,
    GlobalWindows,
    PurgingTrigger,
    SlidingEventTimeWindows,
    TimeWindow,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
    WindowAssigner,
)

__all__ = [
    "MAX_WATERMARK",
    "MIN_WATERMARK",
    "AggregateFunction",
    "AggregatingStateDescriptor",
    "ApacheFlink",
    "CoFlatMapFunction",
    "CoMapFunction",
    "CoProcessFunction",
    "ConnectedStreams",
    "CountTrigger",
    "DataStream",
    "EventTimeSessionWindows",
    "EventTimeTrigger",
    "FileSink",
    "FileSource",
    "FilterFunction",
    "FlatMapFunction",
    "FlinkRecommendationJob",
    "FlinkStreamProcessor",
    "GlobalWindows",
    "JobGraph",
    "JobResult",
    "KafkaSink",
    "KafkaSource",
    "KeyedCoProcessFunction",
    "KeyedProcessFunction",
    "KeyedStream",
    "ListSink",
    "ListSource",
    "ListStateDescriptor",
    "LocalFlink",
    "MapFunction",
    "MapStateDescriptor",
    "OperatorFailed",
    "OutputTag",
    "ProcessFunction",
    "ProcessJoinFunction",
    "ProcessWindowFunction",
    "PurgingTrigger",
    "Records",
    "ReduceFunction",
    "ReducingStateDescriptor",
    "RestartStrategies",
    "RuntimeContext",
    "SlidingEventTimeWindows",
    "Source",
    "SplitReader",
    "StateTtlConfig",
    "Step",
    "Stepper",
    "StreamOperator",
    "StreamSource",
    "TimeWindow",
    "TransactionalSink",
    "Trigger",
    "TriggerResult",
    "TumblingEventTimeWindows",
    "UserProfileAggregator",
    "ValueStateDescriptor",
    "WatermarkStrategy",
    "WindowAssigner",
    "WindowFunction",
    "WindowedStream",
    "epoch_ms",
    "moment_of",
]
