"""Kafka topics on Apache Flink: its own source and its own exactly-once sink.

Each partition is read by a subtask of its own, and so has a watermark of its own. The sink writes in one Kafka
transaction from checkpoint to checkpoint. Values and keys are made and read by the job's Python functions; what stands
between is `java/KafkaBytes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyflink.common import Row, Types, WatermarkStrategy
from pyflink.datastream import functions as flink
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import KafkaOffsetsInitializer
from pyflink.datastream.connectors.kafka import KafkaSink as FlinkKafkaSink
from pyflink.datastream.connectors.kafka import KafkaSource as FlinkKafkaSource
from pyflink.java_gateway import get_gateway

from recsys_lab.errors import ClusterError, JobError, NotTranslatable, shorten
from recsys_lab.flink.apache import functions as adapt
from recsys_lab.flink.apache import parts
from recsys_lab.flink.graph import StreamOperator
from recsys_lab.flink.kafka import KafkaSink, KafkaSource
from recsys_lab.java import jars
from recsys_lab.kafka.connection import Connection
from recsys_lab.kafka.records import key_bytes
from recsys_lab.kafka.topics import ensure_topics

_BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())

TRANSACTION_TIMEOUT_MS = 10 * 60 * 1000
"""A transaction that is open for so long is aborted: longer than a checkpoint and a restart take, and no longer than
what a broker allows by default (15 minutes).
"""


def stream_of(environment: Any, node: StreamOperator, source: KafkaSource) -> tuple[Any, int]:
    """(stream of decoded values, its parallelism)."""
    partitions = len(source.splits())
    _use_connector(environment)
    builder = (
        FlinkKafkaSource.builder()
        .set_bootstrap_servers(source.connection.bootstrap_servers)
        .set_topics(source.topic)
        .set_group_id(f"recsys-lab-{source.topic}")
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_property("isolation.level", "read_committed")
        .set_property("commit.offsets.on.checkpoint", "false")
    )
    for name, value in _settings(source.connection, node.name).items():
        builder = builder.set_property(name, value)
    if source.bounded:
        builder = builder.set_bounded(KafkaOffsetsInitializer.latest())
    builder._j_builder.setDeserializer(get_gateway().jvm.recsys_lab.KafkaBytes(source.topic))
    environment.set_parallelism(partitions)
    raw = environment.from_source(builder.build(), WatermarkStrategy.no_watermarks(), node.name, _BYTES)
    return raw.flat_map(Decode(node.name, source), adapt.ANY), partitions


def sink_to(environment: Any, stream: Any, node: StreamOperator, sink: KafkaSink) -> None:
    """Let a stream end in a topic."""
    _use_connector(environment)
    ensure_topics(sink.connection, [sink.topic])
    builder = (
        FlinkKafkaSink.builder()
        .set_bootstrap_servers(sink.connection.bootstrap_servers)
        .set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .set_transactional_id_prefix(sink.transactional_id)
        .set_property("transaction.timeout.ms", str(TRANSACTION_TIMEOUT_MS))
    )
    for name, value in _settings(sink.connection, node.name).items():
        builder = builder.set_property(name, value)
    builder._j_builder.setRecordSerializer(get_gateway().jvm.recsys_lab.KafkaBytes(sink.topic))
    rows = stream.map(Encode(node.name, sink), Types.ROW([_BYTES, _BYTES]))
    rows.sink_to(builder.build()).name(node.name)


class Decode(flink.FlatMapFunction):
    """From bytes to values."""

    def __init__(self, name: str, source: KafkaSource) -> None:
        self.name = name
        self.decode = source.decode

    def flat_map(self, value: bytes) -> Iterator[Any]:
        try:
            decoded = self.decode(bytes(value))
        except Exception as error:
            raise JobError(
                f"source {self.name!r}: {shorten(value)} cannot be read: {error}. Give a `decode` that knows it, or "
                "gives None to leave it out."
            ) from error
        if decoded is not None:
            yield decoded


class Encode(flink.MapFunction):
    """From values to keys and bytes."""

    def __init__(self, name: str, sink: KafkaSink) -> None:
        self.name = name
        self.topic = sink.topic
        self.key = sink.key
        self.encode = sink.encode

    def map(self, value: Any) -> Row:
        try:
            return Row(None if self.key is None else key_bytes(self.key(value)), self.encode(value))
        except Exception as error:
            raise JobError(
                f"operator {self.name!r}: record {shorten(value)} cannot be written to {self.topic!r}: {error}."
            ) from error


def _use_connector(environment: Any) -> None:
    """Flink's connector for Kafka, checked, and our part of it. Raises ClusterError."""
    try:
        jars.fetch_if_missing("flink")
        jars.classpath("flink")
    except jars.JarError as error:
        raise ClusterError(str(error)) from error
    parts.use(environment, *(jar.path for jar in jars.pinned("flink")))
    parts.use(environment, parts.compiled(get_gateway().jvm, "KafkaBytes"))


_PROPERTIES = {"security_protocol": "security.protocol", "sasl_mechanism": "sasl.mechanism"}
_MODULES = {
    "PLAIN": "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule",
}


def _settings(connection: Connection, operator: str) -> dict[str, str]:
    """A connection's settings as Java's clients take them. Raises NotTranslatable for one that they don't know."""
    given = dict(connection.settings)
    made = {java: given.pop(python) for python, java in _PROPERTIES.items() if python in given}
    user, password = given.pop("sasl_plain_username", None), given.pop("sasl_plain_password", None)
    if user is not None:
        module = _MODULES.get(made.get("sasl.mechanism", "PLAIN"))
        if module is None:
            raise NotTranslatable(
                f"operator {operator!r}: the SASL mechanism {made['sasl.mechanism']} is not known to this translation; "
                "use PLAIN or SCRAM."
            )
        made["sasl.jaas.config"] = f"{module} required username={_quoted(user)} password={_quoted(password or '')};"
    if "ssl_cafile" in given:
        made |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": given.pop("ssl_cafile")}
    if given:
        raise NotTranslatable(
            f"operator {operator!r}: Kafka's settings {', '.join(sorted(given))} have no counterpart in Java's client."
        )
    return made


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
