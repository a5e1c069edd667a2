"""From the lab's job graph to PyFlink's streams, node by node.

Every node becomes PyFlink's own operator of that name, with the student's function inside an adapter
(`functions`, `windows`). What PyFlink hasn't got is refused before anything runs, naming the operator. Up to the first
`key_by`, work is done where the source is read, in order, as it is locally; behind it, on all subtasks.

Where PyFlink (2.3, process mode) differs from Apache Flink itself, the adapters make up for it:
- When session windows merge, it keeps the accumulator of one and drops the other's. So windows that merge keep their
  elements, which are put together as they should, and are folded when the window fires (`functions.WindowResults`).
- Its workers' cache of state knows no time to live. So such values carry their time with them (`states`).
- Timers that Python sets are registered before the next watermark only: a checkpoint that comes first lacks them, and
  so does the end of a stream. So operators with timers are replaced by some that do it sooner (`java/KeptTimers`).

What goes to a sink in the client, and what is counted there, flows into one stream of (number of the node, value).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyflink.datastream import DataStream
from pyflink.java_gateway import get_gateway

from recsys_lab.flink.apache import functions as adapt
from recsys_lab.flink.apache import parts, sources
from recsys_lab.flink.apache.watermarks import strategy_of
from recsys_lab.flink.apache.windows import assigner_of, trigger_of
from recsys_lab.flink.graph import JobGraph, StreamOperator
from recsys_lab.flink.kafka import KafkaSink
from recsys_lab.flink.matching import PatternFunction
from recsys_lab.flink.operators.folding import Fold

LATE = "too late"
"""The tag of late records that nobody asked for; they are counted."""


class Translation:
    """The PyFlink streams of a graph in an environment. to_client: what has to come back."""

    def __init__(self, graph: JobGraph, environment: Any, parallelism: int, *, every_record: bool) -> None:
        self._graph = graph
        self._environment = environment
        self._parallelism = parallelism
        self._every_record = every_record
        self._streams: dict[int, Any] = {}
        self._before_key: dict[int, Any] = {}
        self._made: dict[int, Any] = {}  # what has side outputs, where that isn't the stream itself
        self._width: dict[int, int] = {}
        self._read_sides: dict[int, set[str]] = {}
        self.to_client: list[Any] = []
        self.records_in: dict[int, int] = {}

    def run(self) -> None:
        """Translate all nodes. Raises NotTranslatable."""
        for node in self._graph.nodes:
            if node.kind == "side_output":
                self._read_sides.setdefault(node.upstream[0].number, set()).add(node.options["tag"])
        for node in self._graph.nodes:
            self._translate(node)
        self._environment.set_parallelism(self._parallelism)
        self._keep_timers()

    def _keep_timers(self) -> None:
        """Of all operators at once, when they are there; chains of them are made of these later."""
        jvm = get_gateway().jvm
        parts.use(self._environment, parts.compiled(jvm, "KeptTimers"))
        jvm.recsys_lab.KeptTimers.applyTo(self._environment._j_stream_execution_environment)

    @property
    def widest(self) -> int:
        """The highest parallelism in the job: so many slots are needed."""
        return max(self._width.values(), default=1)

    def _translate(self, node: StreamOperator) -> None:
        keyed = node.kind in ("window", "rolling", "interval_join") or node.options.get("keyed", False)
        widths = [self._width[before.number] for before in node.upstream]
        self._width[node.number] = self._parallelism if keyed else max(widths, default=1)
        self._environment.set_parallelism(self._width[node.number])
        stream = TRANSLATORS[node.kind](self, node)
        if stream is not None:
            self._streams[node.number] = stream
            if node.kind not in ("key_by", "source", "union"):
                stream.name(node.name)

    # -- what a node is built upon --

    def _keyed(self, node: StreamOperator, which: int = 0) -> Any:
        return self._streams[node.upstream[which].number]

    def _plain(self, node: StreamOperator, which: int = 0) -> Any:
        """The stream before it; of a keyed one the stream that was keyed."""
        number = node.upstream[which].number
        return self._before_key.get(number, self._streams[number])

    def _sides(self, node: StreamOperator) -> frozenset[str]:
        return frozenset(self._read_sides.get(node.number, ()))

    # -- each kind --

    def source(self, node: StreamOperator) -> Any:
        stream, width, count = sources.stream_of(self._environment, node, self._parallelism)
        self._width[node.number] = width
        if count is not None:
            self.records_in[node.number] = count
        return stream

    def map(self, node: StreamOperator) -> Any:
        return self._plain(node).map(adapt.Map(node.name, node.function), adapt.ANY)

    def filter(self, node: StreamOperator) -> Any:
        return self._plain(node).filter(adapt.Filter(node.name, node.function))

    def flat_map(self, node: StreamOperator) -> Any:
        return self._plain(node).flat_map(adapt.FlatMap(node.name, node.function), adapt.ANY)

    def key_by(self, node: StreamOperator) -> Any:
        self._before_key[node.number] = self._plain(node)
        return self._plain(node).key_by(adapt.Key(node.name, node.function), adapt.KEY)

    def union(self, node: StreamOperator) -> Any:
        first, *others = (self._plain(node, which) for which in range(len(node.upstream)))
        return first.union(*others)

    def timestamps(self, node: StreamOperator) -> Any:
        strategy = strategy_of(self._environment, node.function, node.name, every_record=self._every_record)
        return self._plain(node).assign_timestamps_and_watermarks(strategy)

    def side_output(self, node: StreamOperator) -> Any:
        number = node.upstream[0].number
        made = self._made.get(number, self._streams[number])
        return made.get_side_output(adapt.tag(node.options["tag"]))

    def process(self, node: StreamOperator) -> Any:
        if node.options.get("keyed", False):
            made = adapt.KeyedProcess(node.name, node.function, node.options, self._sides(node))
            return self._keyed(node).process(made, adapt.ANY)
        return self._plain(node).process(
            adapt.Process(node.name, node.function, node.options, self._sides(node)), adapt.ANY
        )

    def co_process(self, node: StreamOperator) -> Any:
        if node.options.get("keyed", False):
            both = self._keyed(node).connect(self._keyed(node, 1))
            return both.process(
                adapt.KeyedCoProcess(node.name, node.function, node.options, self._sides(node)), adapt.ANY
            )
        both = self._plain(node).connect(self._plain(node, 1))
        return both.process(adapt.CoProcess(node.name, node.function, node.options, self._sides(node)), adapt.ANY)

    def cep(self, node: StreamOperator) -> Any:
        late = _late_tag(node)
        function = PatternFunction(node.name, node.function, node.options)
        matching = adapt.Matching(node.name, function, node.options, self._sides(node), late)
        made = self._keyed(node).process(matching, adapt.ANY)
        self._count_late(node, made, late)
        return made

    def rolling(self, node: StreamOperator) -> Any:
        return self._keyed(node).process(adapt.Rolling(node.name, node.function), adapt.ANY)

    def window(self, node: StreamOperator) -> Any:
        fold: Fold = node.function
        options = node.options
        late = _late_tag(node)
        stream = self._keyed(node).window(assigner_of(options["assigner"], node.name))
        if options["trigger"] is not None:
            stream = stream.trigger(trigger_of(options["trigger"], merging=options["assigner"].merging))
        if options["lateness"]:
            stream = stream.allowed_lateness(options["lateness"])
        stream = stream.side_output_late_data(adapt.tag(late))
        folded = not (fold.elements or options["assigner"].merging)
        stamped = bool(options["lateness"] or options["trigger"] is not None)
        results = adapt.WindowResults(node.name, fold, self._sides(node), folded=folded, stamped=stamped)
        kind = adapt.STAMPED if stamped else adapt.ANY
        if not folded:
            made = stream.process(results, kind)
        elif fold.create is None:
            made = stream.reduce(adapt.Reduce(node.name, fold), results, kind)
        else:
            made = stream.aggregate(adapt.Aggregate(node.name, fold, finished=False), results, adapt.ANY, kind)
        self._made[node.number] = made
        self._count_late(node, made, late)
        return self._stamped(made) if stamped else made

    def interval_join(self, node: StreamOperator) -> Any:
        join = adapt.IntervalJoin(
            node.name, node.function, node.options["lower"], node.options["upper"], self._sides(node), LATE
        )
        made = self._keyed(node).connect(self._keyed(node, 1)).process(join, adapt.STAMPED)
        self._made[node.number] = made
        self._count_late(node, made, LATE)
        return self._stamped(made)

    def _stamped(self, stream: Any) -> Any:
        """Results, each with the timestamp that stands beside it."""
        jvm = get_gateway().jvm
        parts.use(self._environment, parts.compiled(jvm, "Stamped"))
        made = stream._j_data_stream.transform("Stamped", adapt.ANY.get_java_type_info(), jvm.recsys_lab.Stamped())
        return DataStream(made)

    def _count_late(self, node: StreamOperator, made: Any, late: str) -> None:
        self.to_client.append(made.get_side_output(adapt.tag(late)).map(adapt.Stamp(node.number, _none), adapt.ANY))

    def sink(self, node: StreamOperator) -> Any:
        if isinstance(node.function, KafkaSink):
            from recsys_lab.flink.apache import topics  # its connector is needed for topics only

            topics.sink_to(self._environment, self._plain(node), node, node.function)
            return
        self.to_client.append(self._plain(node).map(adapt.Stamp(node.number), adapt.ANY))


TRANSLATORS: dict[str, Callable[[Translation, StreamOperator], Any]] = {
    "cep": Translation.cep,
    "co_process": Translation.co_process,
    "filter": Translation.filter,
    "flat_map": Translation.flat_map,
    "interval_join": Translation.interval_join,
    "key_by": Translation.key_by,
    "map": Translation.map,
    "process": Translation.process,
    "rolling": Translation.rolling,
    "side_output": Translation.side_output,
    "sink": Translation.sink,
    "source": Translation.source,
    "timestamps": Translation.timestamps,
    "union": Translation.union,
    "window": Translation.window,
}


def _late_tag(node: StreamOperator) -> str:
    tag = node.options["late_tag"]
    return LATE if tag is None else str(tag.name)


def _none(value: Any) -> None:
    """A late record is counted, not looked at."""
