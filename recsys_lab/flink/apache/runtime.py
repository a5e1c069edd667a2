"""ApacheFlink: a job from its translation to its result.

What a job computes, Apache Flink computes: sources, windows, state, timers, checkpoints, restarts are its own. What
it sends to a sink that lives in Python (a ListSink, a FileSink, a function) comes back to this process, and is written
here; a KafkaSink is Flink's own and takes part in its checkpoints.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys_lab.errors import ClusterError, JobError, NotTranslatable, shorten
from recsys_lab.flink.checkpoints import Identity
from recsys_lab.flink.kafka import KafkaSink, KafkaSource
from recsys_lab.flink.restarts import ExponentialDelay, FixedDelay, NoRestart, RestartStrategy
from recsys_lab.flink.sinks import TransactionalSink

if TYPE_CHECKING:
    from recsys_lab.flink.graph import StreamOperator
    from recsys_lab.flink.processor import FlinkStreamProcessor, JobResult

_OURS = re.compile(r"^recsys_lab\.\S*(?:JobError|OperatorFailed|LabError|NotTranslatable): (.+)$", re.MULTILINE)
_CAUSED = re.compile(r"^Caused by: (.+)$", re.MULTILINE)
_OVER = ("FINISHED", "CANCELED", "FAILED")
"""What Flink calls a job's last states."""


class ApacheFlink:
    """A runtime for `execute(runtime=…)`.

    address: of a cluster's REST interface, `host:port`, as a LocalFlink has; None for a mini cluster inside this
    process's Java, for as long as the job runs. parallelism: subtasks of what works by key; the processor's by
    default. every_record: move watermarks with every record, as the local runtime does, rather than every 200 ms as
    Apache Flink does by itself; it costs speed, and makes what is late the same on every run. python_files: modules or
    packages that the job's functions import and a cluster's workers haven't got; what a notebook or script itself
    defines travels anyway. configuration: further options of Flink, such as "python.executable" on a remote cluster.
    """

    def __init__(
        self,
        address: str | None = None,
        parallelism: int | None = None,
        *,
        every_record: bool = False,
        python_files: Sequence[str | Path] = (),
        configuration: Mapping[str, str] | None = None,
    ) -> None:
        if address is not None and not re.fullmatch(r"[^\s/:]+:\d+", address):
            raise ClusterError(f"address is {shorten(address)}; host:port of Flink's REST interface is needed.")
        self.address = address
        self.parallelism = parallelism
        self.every_record = every_record
        self.python_files = [Path(path).resolve() for path in python_files]
        self.configuration = dict(configuration or {})

    def __repr__(self) -> str:
        return f"ApacheFlink({self.address or 'embedded'})"

    def execute(self, processor: FlinkStreamProcessor, job_name: str, restore_from: Any) -> JobResult:
        """Run the job until its sources end. Raises NotTranslatable, ClusterError, JobError."""
        from recsys_lab.flink.apache.gateway import gateway
        from recsys_lab.flink.cluster import ask, check_installed

        check_installed()
        if self.address is not None:
            ask(self.address, "/overview")  # not there? Then say so before any work is done
        gateway()
        return _Execution(self, processor, job_name, restore_from).run()


class _Execution:
    def __init__(self, runtime: ApacheFlink, processor: FlinkStreamProcessor, job_name: str, restore_from: Any) -> None:
        from recsys_lab.flink.apache.translation import Translation

        self.runtime = runtime
        self.processor = processor
        self.nodes = processor.graph.nodes
        self.identity = Identity(job_name, processor.graph.signature())
        self.environment = _environment(runtime, processor, restore_from, self.identity)
        self.translation = Translation(
            processor.graph,
            self.environment,
            runtime.parallelism or processor.parallelism,
            every_record=runtime.every_record,
        )

    def run(self) -> JobResult:
        from recsys_lab.flink.apache.gateway import mini_cluster

        self.translation.run()
        for node in self.nodes:
            node.metrics.update(dict.fromkeys(node.metrics, 0))
        for number, count in self.translation.records_in.items():
            self.nodes[number].metrics["records_out"] = count
        with ExitStack() as stack:
            address = self.runtime.address
            if address is None:
                address = stack.enter_context(mini_cluster(self.environment, self.translation.widest))
            try:
                job = self._run_on(address)
            except (JobError, ClusterError):
                raise
            except Exception as error:
                raise JobError(self._too_few_slots(address, error) or _reason(error)) from error
            return self._result(address, job)

    def _run_on(self, address: str) -> str:
        """Run to the end; gives the job's id."""
        from recsys_lab.flink.apache.recovery import listening, noted

        collected = _collected(self.environment, self.translation.to_client)
        sinks = {node.number: _ClientSink(node) for node in self.nodes if node.kind == "sink" and not _is_topic(node)}
        try:
            for sink in sinks.values():
                sink.begin()
            client = self.environment.execute_async(self.identity.job_name)
            try:
                job = str(client.get_job_id())
                with noted(self.processor, job, self.identity), listening(self.processor, client):
                    for number, value in collected:
                        if number in sinks:
                            sinks[number].write(value)
                        else:
                            self.nodes[number].metrics["late_records"] += 1
                    client.get_job_execution_result().result()
            except BaseException:
                with contextlib.suppress(Exception):
                    client.cancel().result()
                raise
            for sink in sinks.values():
                sink.commit()
        except BaseException:
            if _checkpoint_interval_ms(self.processor) is not None:  # what came back belongs to complete checkpoints
                for sink in sinks.values():
                    with contextlib.suppress(Exception):
                        sink.commit()
            raise
        finally:
            for sink in sinks.values():
                sink.close()
        return job

    def _too_few_slots(self, address: str, error: Exception) -> str | None:
        """What to do, where that is what the job failed of."""
        if "NoResourceAvailableException" not in f"{error}{getattr(error, 'java_exception', '')}":
            return None
        free, total = _slots(address)
        return (
            f"the cluster at {address} has too few free slots for the job: it takes {self.translation.widest}, and "
            f"{free} of {total} are free. End another job, give the job a lower parallelism, or start the cluster with "
            "more task_slots."
        )

    def _result(self, address: str, job: str) -> JobResult:
        from recsys_lab.flink.cluster import ask
        from recsys_lab.flink.processor import JobResult

        checkpoints = ask(address, f"/jobs/{job}/checkpoints")
        failures = ask(address, f"/jobs/{job}/exceptions?maxExceptions=1000")["exceptionHistory"]["entries"]
        latest = (checkpoints.get("latest") or {}).get("completed") or {}
        self._count_topics(ask(address, f"/jobs/{job}")["vertices"])
        return JobResult(
            job_name=self.identity.job_name,
            records_in=sum(node.metrics["records_out"] for node in self.nodes if node.kind == "source"),
            records_out=sum(node.metrics["records_in"] for node in self.nodes if node.kind == "sink"),
            late_records=sum(node.metrics["late_records"] for node in self.nodes),
            checkpoints=(checkpoints.get("counts") or {}).get("completed", 0),
            restarts=len(failures),
            last_checkpoint=_if_kept(latest.get("external_path")),
        )

    def _count_topics(self, vertices: list[dict[str, Any]]) -> None:
        """Records of topics are counted by Flink, where they are read and written."""
        for node in self.nodes:
            if not _is_topic(node):
                continue
            for vertex in vertices:
                if f"{node.name}: Writer" in vertex["name"]:
                    node.metrics["records_in"] = vertex["metrics"]["write-records"]
                elif vertex["name"].startswith(f"Source: {node.name} "):
                    node.metrics["records_out"] = vertex["metrics"]["read-records"]


def _if_kept(checkpoint: str | None) -> str | None:
    """The path of a checkpoint, if it is still there: Flink removes those of a job that has finished."""
    if checkpoint is None or not checkpoint.startswith("file:"):
        return None
    path = checkpoint.removeprefix("file:")
    return path if Path(path).is_dir() else None


def _is_topic(node: StreamOperator) -> bool:
    return isinstance(node.function, (KafkaSource, KafkaSink))


class _ClientSink:
    """A sink of the graph, written to in this process."""

    def __init__(self, node: StreamOperator) -> None:
        self.node = node
        self.sink = node.function
        self.transactional = isinstance(node.function, TransactionalSink)
        self.begun = False

    def begin(self) -> None:
        if self.transactional:
            self.sink.begin(None)
            self.begun = True

    def write(self, value: Any) -> None:
        self.node.metrics["records_in"] += 1
        if self.transactional:
            self.sink.write([value])
            return
        try:
            self.sink(value)
        except Exception as error:
            from recsys_lab.flink.functions import OperatorFailed

            raise OperatorFailed(self.node.name, value, error) from error

    def commit(self) -> None:
        if self.transactional:
            self.sink.commit(self.sink.pre_commit())

    def close(self) -> None:
        if self.begun:
            self.sink.close()


def _environment(runtime: ApacheFlink, processor: FlinkStreamProcessor, restore_from: Any, identity: Identity) -> Any:
    from pyflink.common import Configuration
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.java_gateway import get_gateway

    from recsys_lab.flink.apache import parts, recovery

    configuration = Configuration()
    chosen = {
        **_options(runtime, processor),
        **recovery.options(processor, restore_from, identity),
        **runtime.configuration,
    }
    for name, value in chosen.items():
        configuration.set_string(name, value)
    made = get_gateway().jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment
    environment = StreamExecutionEnvironment(made(configuration._j_configuration))  # where "execution.target" says
    if "python.executable" not in runtime.configuration:
        environment.set_python_executable(sys.executable)
    for path in runtime.python_files:
        environment.add_python_file(str(path))
    if runtime.address is not None:
        parts.use(environment, parts.for_python())
    return environment


def _options(runtime: ApacheFlink, processor: FlinkStreamProcessor) -> dict[str, str]:
    from recsys_lab.flink.cluster import HOST

    options = {"execution.target": "remote", **_restarts(processor.restart_strategy)}
    if runtime.address is not None:
        host, _, port = runtime.address.rpartition(":")
        options |= {"rest.address": host, "rest.port": port}
    else:  # the mini cluster's; it says where it listens when it does
        options |= {
            "rest.address": HOST,
            "rest.bind-address": HOST,
            "rest.bind-port": "0",
            "jobmanager.bind-host": HOST,
            "taskmanager.bind-host": HOST,
            "taskmanager.memory.network.max": "128m",
            "taskmanager.memory.network.min": "128m",
        }
    if runtime.every_record:
        options["python.fn-execution.bundle.size"] = "1"  # a watermark waits for the bundle that it stands behind
    interval = _checkpoint_interval_ms(processor)
    if interval is not None:
        options["execution.checkpointing.interval"] = f"{interval} ms"
    return options


def _checkpoint_interval_ms(processor: FlinkStreamProcessor) -> int | None:
    """Apache Flink counts time, not records; a Kafka sink shows nothing without checkpoints."""
    if processor.checkpoint_interval is not None:
        return max(10, int(1000 * processor.checkpoint_interval))
    if processor.checkpoint_every is not None or any(isinstance(n.function, KafkaSink) for n in processor.operators):
        return 1_000
    return None


def _restarts(strategy: RestartStrategy) -> dict[str, str]:
    if isinstance(strategy, FixedDelay):
        return {
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": str(strategy.attempts),
            "restart-strategy.fixed-delay.delay": f"{strategy.wait_ms} ms",
        }
    if isinstance(strategy, ExponentialDelay):
        attempts = 2**31 - 1 if strategy.attempts is None else strategy.attempts
        return {
            "restart-strategy.type": "exponential-delay",
            "restart-strategy.exponential-delay.initial-backoff": f"{strategy.initial_ms} ms",
            "restart-strategy.exponential-delay.max-backoff": f"{strategy.longest_ms} ms",
            "restart-strategy.exponential-delay.backoff-multiplier": str(strategy.multiplier),
            "restart-strategy.exponential-delay.jitter-factor": "0",
            "restart-strategy.exponential-delay.attempts-before-reset-backoff": str(attempts),
        }
    if isinstance(strategy, NoRestart):
        return {"restart-strategy.type": "none"}
    raise NotTranslatable(
        f"restart strategy {shorten(strategy)} is not known to Apache Flink; use one of RestartStrategies."
    )


def _collected(environment: Any, streams: list[Any]) -> Any:
    """What all these streams bring back, once the job runs."""
    from pyflink.datastream.data_stream import CloseableIterator

    from recsys_lab.flink.apache.functions import ANY

    if not streams:
        return ()
    first, *others = streams
    everything = first.union(*others) if others else first
    return CloseableIterator(everything._j_data_stream.collectAsync(), ANY)


def _slots(address: str) -> tuple[int, int]:
    """(free, in all). Those of jobs that are over count as free, which a cluster's own figure learns a moment later."""
    from recsys_lab.flink.cluster import ask

    over = {job["jid"] for job in ask(address, "/jobs/overview")["jobs"] if job["state"] in _OVER}
    managers = ask(address, "/taskmanagers")["taskmanagers"]
    allocated = [slot for known in managers for slot in ask(address, f"/taskmanagers/{known['id']}")["allocatedSlots"]]
    total = sum(known["slotsNumber"] for known in managers)
    return total - sum(slot["jobId"] not in over for slot in allocated), total


def _reason(error: Exception) -> str:
    """What went wrong, in a sentence: the lab's own message, or Java's last cause."""
    text = f"{error}\n{getattr(error, 'java_exception', '')}"
    ours = _OURS.findall(text)
    if ours:
        return str(ours[-1])
    caused = _CAUSED.findall(text)
    return f"Apache Flink gave up: {(caused or text.strip().splitlines() or ['no reason given'])[-1]}"
