"""The dataflow engine."""

from recsys_lab.flink.durations import epoch_ms
from recsys_lab.flink.functions import *  # noqa
from recsys_lab.flink.functions import OutputTag, AggregateFunction, KeyedProcessFunction
from recsys_lab.flink.processor import FlinkStreamProcessor, JobResult
from recsys_lab.flink.sinks import FileSink, ListSink
from recsys_lab.flink.sources import FileSource, ListSource, StreamSource
from recsys_lab.flink.watermarks import WatermarkStrategy
from recsys_lab.flink.windows import *
from recsys_lab.flink.restarts import RestartStrategies
